import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { verifies } from '../requirements.ts'
import { type NatsNode, settled, startNode, startNodes, until, useNats } from '../support/nats.ts'
import { slowdown } from '../support/slowdown.ts'

const MIB = 1024 * 1024

/** Starts a nats-server with a configuration. */
const useConfigured = async (config: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-nats-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'nats.conf')
  writeFileSync(path, config)
  return await useNats('-c', path)
}

const tooLarge = expect.objectContaining({ code: 'payload_too_large' })

describe('a server that has stopped reading', () => {
  it('makes a node buffer no more than maxBuffered; further messages are counted, and later ones are sent', async () => {
    const server = await useNats()
    verifies('delivery.nodes.own-sessions-first', 'delivery.nodes.dropped')
    const [a, b] = (await startNodes(server, 2, () => ({ nats: { maxBuffered: MIB } }))) as [
      NatsNode,
      NatsNode,
    ]
    // More data than the buffers of the kernel take.
    const c = await startNode(server, { nats: { maxBuffered: 16 * MIB } })
    await until(() => a.app.cluster.nodes().length === 3)
    const peer = await b.connect(['flood/*'])
    const local = await a.connect(['local/*'])
    await settled(a, b)
    const dropped = () => a.logged(/dropped/).reduce((sum, line) => sum + Number(line.dropped), 0)
    const memory = () => {
      const { rss, heapUsed, external } = process.memoryUsage()
      return { rss, used: heapUsed + external }
    }
    const payload = 'x'.repeat(1024)
    const before = memory()
    const most = { rss: 0, used: 0 }
    server.pause()
    try {
      for (let count = 0; count < 200_000; count++) {
        await a.app.publish('flood/1', payload)
        if (count % 1000 > 0) continue
        await new Promise(setImmediate)
        const { rss, used } = memory()
        most.rss = Math.max(most.rss, rss - before.rss)
        most.used = Math.max(most.used, used - before.used)
      }
      await until(() => dropped() > 180_000)
      const grown = `${Math.round(most.used / MIB)} MiB used, ${Math.round(most.rss / MIB)} MiB resident`
      console.log(`grew by at most ${grown}; ${dropped()} of 200000 messages dropped`)
      // The kernel buffers a few MiB, too.
      expect(most.used).toBeLessThan(100 * MIB)
      for (let count = 0; count < 20_000; count++) await c.app.publish('flood/1', payload)
      await until(() => c.logged(/dropped/).length > 0)
      await a.app.publish('local/1', 1)
      await until(() => local.messages.length === 1)
      // After two unanswered pings, 2 s apart, the server counts as lost, whether buffers are full or not.
      const paused = performance.now()
      await until(() => !a.app.cluster.connected && !c.app.cluster.connected)
      console.log(`lost after ${Math.round(performance.now() - paused)} ms`)
      expect(a.logged(/the cluster is lost/)[0]).toMatchObject({ err: { message: /stopped answering/ } })
    } finally {
      server.resume()
    }
    await until(() => [a, b, c].every(({ app }) => app.cluster.connected && app.cluster.nodes().length === 3))
    await settled(a, b, c)
    await c.app.publish('flood/2', 'again')
    await a.app.publish('flood/2', 'again')
    await until(() => peer.messages.filter(([topic]) => topic === 'flood/2').length === 2)
  })

  it('does not prevent an app from stopping', async () => {
    const server = await useNats()
    const node = await startNode(server)
    await node.connect(['a/*'])
    server.pause()
    const start = performance.now()
    await node.app.stop()
    expect(performance.now() - start).toBeLessThan(2500 * slowdown())
    expect(node.logged(/did not stop cleanly/)).toEqual([])
    server.resume()
  })
})

describe('a message that is too large for NATS', () => {
  const start = async () => {
    const server = await useConfigured('max_payload: 65536')
    const work: string[] = []
    const nodes = (await startNodes(server, 2)) as [NatsNode, NatsNode]
    for (const { app, id } of nodes) {
      app.bus.subscribe('work/*', () => work.push(id), { source: 'cluster' })
      app.bus.subscribe('work/*', () => {}, { source: 'all' })
    }
    await until(() => {
      nodes[0].app.bus.publish('work/0', 0)
      return work.includes(nodes[1].id)
    })
    await settled(...nodes)
    work.length = 0
    return { nodes, work }
  }
  const payload = 'é'.repeat(33_000)

  it('is delivered on this node and logged, and the connection stays open', async () => {
    const { nodes, work } = await start()
    verifies('delivery.nodes.too-large')
    const [a, b] = nodes
    const [here, there] = [await a.connect(['t/*']), await b.connect(['t/*'])]
    await settled(a, b)
    await a.app.publish('t/1', payload)
    await a.app.publish('t/1', 'small')
    await until(() => there.messages.length > 0 && here.messages.length === 2)
    expect(there.messages).toEqual([['t/1', 'small']])
    const reports = a.logged(/could not be sent or read/)
    const err = { code: 'payload_too_large', message: expect.stringContaining('65536') }
    expect(reports).toMatchObject([{ err, subject: 'rookery.topic.t.1' }])
    // An event that cannot be sent goes to the group's listeners on this node.
    a.app.bus.publish('work/1', payload)
    await until(() => work.length === 1)
    expect(work).toEqual([a.id])
    expect(a.logged(/the cluster is lost/)).toEqual([])
  })

  it('is rejected as a request, and becomes an error as an answer', async () => {
    const { nodes } = await start()
    const [a, b] = nodes
    b.app.cluster.answer('long', () => payload)
    b.app.cluster.answer('long later', async () => payload)
    b.app.cluster.answer('no JSON', () => 1n)
    b.app.cluster.answer('no JSON later', async () => 1n)
    b.app.cluster.answer('strange', () => {
      throw Object.assign(new RangeError('a\u2028b'), {})
    })
    const ask = (method: string, value?: unknown) => a.app.cluster.askNode(b.id, method, value, 30_000)
    await expect(ask('long', payload)).rejects.toEqual(tooLarge)
    await expect(ask('long')).rejects.toEqual(tooLarge)
    await expect(ask('long later')).rejects.toEqual(tooLarge)
    await expect(ask('no JSON')).rejects.toMatchObject({ code: 'unserializable' })
    await expect(ask('no JSON later')).rejects.toMatchObject({ code: 'unserializable' })
    await expect(ask('strange')).rejects.toMatchObject({ code: 'internal' })
    await expect(ask('a\u2028b')).rejects.toMatchObject({ code: 'unknown_topic' })
    await expect(a.app.send({ user: 'nobody' }, 'x', payload)).rejects.toEqual(tooLarge)
    expect(a.app.cluster.connected && b.app.cluster.connected).toBe(true)
  })
})
