import { expect, it } from 'vitest'
import { verifies } from '../requirements.ts'
import { type NatsNode, settled, startNodes, until, useNats } from '../support/nats.ts'

const trio = async () => (await startNodes(await useNats(), 3)) as [NatsNode, NatsNode, NatsNode]

it('app.send reaches the sessions of a user, a room and a session id on every node, once each', async () => {
  verifies('delivery.send.every-session', 'delivery.send.once')
  const nodes = await trio()
  const peers = await Promise.all(nodes.map((node) => node.connect([], { user: 'ada', room: '42' })))
  await settled(...nodes)
  const [a] = nodes
  expect(await a.app.send({ user: 'ada' }, 'inbox', 'user')).toMatchObject({ sessions: 3 })
  expect(await a.app.send({ room: '42' }, 'inbox', 'room')).toMatchObject({ sessions: 3 })
  for (const { session } of peers)
    expect(await a.app.send({ session: session.id }, 'inbox', 'session')).toMatchObject({ sessions: 1 })
  await until(() => peers.every(({ messages }) => messages.length >= 3))
  await settled(...nodes)
  const expected = ['user', 'room', 'session'].map((payload) => ['inbox', payload])
  for (const { messages } of peers) expect(messages.filter(([topic]) => topic === 'inbox')).toEqual(expected)
})

it('a message sent after an app.send has resolved arrives after its message, whichever nodes send', async () => {
  verifies('delivery.send.order')
  const [a, b, c] = await trio()
  const peer = await c.connect([], { user: 'ada' })
  await settled(a, b, c)
  const sent = Array.from({ length: 100 }, (_, index) => index)
  for (const number of sent) await (number % 2 ? a : b).app.send({ user: 'ada' }, 'inbox', number)
  await until(() => peer.messages.length === sent.length)
  expect(peer.messages.map(([, payload]) => payload)).toEqual(sent)
})

it('messages of one node on one topic reach the other nodes in the order of publishing', async () => {
  verifies('delivery.nodes.order', 'delivery.order.one-topic')
  const [a, b, c] = await trio()
  const peers = [await b.connect(['news']), await c.connect(['news', '*'])]
  await settled(a, b, c)
  const published = Array.from({ length: 1000 }, (_, index) => index)
  for (const number of published) void a.app.publish('news', number)
  await until(() => peers.every(({ messages }) => messages.length >= published.length))
  for (const { messages } of peers) expect(messages.map(([, payload]) => payload)).toEqual(published)
})

it('an event that JSON cannot hold stays on its node, which logs it', async () => {
  verifies('delivery.bus.not-json')
  const [a, b, c] = await trio()
  const heard: string[] = []
  for (const [name, { app }] of Object.entries({ a, b, c })) {
    app.bus.subscribe('orders/*', ({ payload }) => heard.push(`${name} ${payload}`), { source: 'all' })
  }
  await until(() => {
    a.app.bus.publish('orders/1', 'probe')
    return heard.includes('b probe') && heard.includes('c probe')
  })
  await settled(a, b, c)
  heard.length = 0
  a.app.bus.publish('orders/1', 1n)
  a.app.bus.publish('orders/1', 'end')
  await until(() => heard.includes('b end') && heard.includes('c end') && heard.includes('a end'))
  expect(heard.filter((entry) => entry.endsWith(' 1'))).toEqual(['a 1'])
  expect(a.lines.filter(({ level }) => level === 'error' || level === 'warn')).toHaveLength(1)
})
