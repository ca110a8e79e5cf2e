import { expect, it } from 'vitest'
import { connectPlain, startNode, startNodes, until, useNats } from '../support/nats.ts'

/** Largest message about nodes: a page of 64 KiB, and its header. */
const MAX_MESSAGE_BYTES = 80 * 1024

/** Records the sizes of the messages between nodes, apart from heartbeats. */
const watch = async (server: { readonly url: string }) => {
  const sizes: number[] = []
  const plain = await connectPlain(server)
  plain.subscribe('>', {
    callback: (_error, message) => {
      const text = message.string()
      if (text.startsWith('rookery/') && !text.includes('"beat"')) sizes.push(message.data.length)
    },
  })
  await plain.flush()
  return { sizes, total: () => sizes.reduce((sum, size) => sum + size, 0) }
}

it('600 listeners that are added one after the other cost some hundred bytes each', async () => {
  const server = await useNats()
  const { sizes, total } = await watch(server)
  const [a, b] = await startNodes(server, 2)
  const before = total()
  let heard = 0
  for (let n = 0; n < 600; n++) {
    a?.app.bus.subscribe(`orders/${n}`, () => heard++, { source: 'all' })
    await new Promise(setImmediate)
  }
  await until(() => {
    b?.app.bus.publish('orders/599', 'hello')
    return heard > 0
  })
  console.log(`600 listeners: ${total() - before} bytes in ${sizes.length} messages`)
  expect(total() - before).toBeLessThan(600 * 512)
})

it('a list of 9,000 listeners never travels in one piece, and is complete when a node has started', async () => {
  const server = await useNats()
  const { sizes } = await watch(server)
  const [a] = await startNodes(server, 2)
  let heard = 0
  for (let n = 0; n < 9000; n++) {
    a?.app.bus.subscribe(`${'x'.repeat(200)}/${n}`, () => heard++, { source: 'all' })
  }
  const c = await startNode(server)
  c.app.bus.publish(`${'x'.repeat(200)}/8999`, 'hello')
  await until(() => heard === 1)
  expect(sizes.length).toBeGreaterThan(30)
  expect(Math.max(...sizes)).toBeLessThan(MAX_MESSAGE_BYTES)
  for (const node of [a, c]) expect(node?.lines.filter(({ level }) => level === 'error')).toEqual([])
})
