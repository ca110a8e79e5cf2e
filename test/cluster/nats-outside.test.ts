import type { NatsConnection } from '@nats-io/transport-node'
import { nats } from 'rookery/nats'
import { beforeAll, describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { connectBare } from '../support/bare-client.ts'
import {
  connectPlain,
  type NatsNode,
  type NatsServer,
  settled,
  startNats,
  startNode,
  startNodes,
  until,
} from '../support/nats.ts'

let server: NatsServer
beforeAll(async () => {
  server = await startNats()
  return () => server.stop()
})

/** Resolves when all earlier messages have been delivered: it publishes a message and waits for that one. */
const flushed = async (plain: NatsConnection, ...nodes: readonly NatsNode[]) => {
  for (const { app } of nodes) {
    let there = false
    const subscription = app.bus.subscribe('end', () => (there = true), { source: 'all' })
    await until(() => {
      plain.publish('rookery.event.topic.end', 'null')
      return there
    })
    subscription.cancel()
  }
}

describe('an external NATS client', () => {
  it('reaches every subscriber once, however many patterns of the subscriber or its node match', async () => {
    const plain = await connectPlain(server)
    const nodes = await startNodes(server, 2)
    const { url, app } = await startApp({ plugins: [nats({ servers: server.url })] })
    const patterns = ['rooms/42/*', 'rooms/*', '*', 'rooms/42/messages', '*/42/messages']
    const sockets = await Promise.all(patterns.map(() => connectBare(url)))
    for (const [index, socket] of sockets.entries()) {
      await socket.ask({ type: 'subscribe', topics: [patterns[index]] })
    }
    const peers = await Promise.all([
      ...nodes.flatMap((node) => patterns.map((pattern) => node.connect([pattern]))),
      ...nodes.map((node) => node.connect(patterns)),
    ])
    await settled(...nodes)
    await nodes[0]?.app.cluster.askNode(app.cluster.node, 'nothing', undefined, 60_000).catch(() => {})
    // Publishing the same text twice makes two messages.
    for (const text of ['{"a":1}', '{"a":1}', ' {\n"a" : 2 }\n', '{"a":1}']) {
      plain.publish('rookery.topic.rooms.42.messages', text)
    }
    plain.publish('rookery.topic.rooms.42.end', 'null')
    await until(() => sockets[2]?.on('rooms/42/end').length)
    await flushed(plain, ...nodes)
    const expected = [{ a: 1 }, { a: 1 }, { a: 2 }, { a: 1 }]
    for (const socket of sockets) {
      await until(() => socket.on('rooms/42/messages').length >= 4)
      expect(socket.on('rooms/42/messages')).toEqual(expected)
    }
    for (const { messages } of peers) {
      const payloads = messages.filter(([topic]) => topic === 'rooms/42/messages').map(([, one]) => one)
      expect(payloads).toEqual(expected)
    }
  })

  it('reaches them once even if several clients publish the same at the same time', async () => {
    const node = await startNode(server)
    const peers = await Promise.all(['t/1', 't/*', '*'].map((pattern) => node.connect([pattern])))
    const heard: unknown[] = []
    for (const pattern of ['t/1', 't/*', '*']) {
      node.app.bus.subscribe(pattern, ({ payload }) => heard.push(payload), { source: 'all' })
    }
    const plains = await Promise.all(Array.from({ length: 4 }, () => connectPlain(server)))
    await flushed(plains[0] as NatsConnection, node)
    heard.length = 0
    for (let burst = 0; burst < 25; burst++) {
      for (let count = 0; count < 4 * 100; count++) {
        const plain = plains[count % 4] as NatsConnection
        plain.publish('rookery.topic.t.1', '"same"')
        plain.publish('rookery.event.topic.t.1', '"same"')
      }
      await Promise.all(plains.map((plain) => plain.flush()))
    }
    await flushed(plains[0] as NatsConnection, node)
    expect(peers.map(({ messages }) => messages.length)).toEqual([10_000, 10_000, 10_000])
    // Three listeners, each of which gets every event.
    expect(heard.filter((payload) => payload === 'same')).toHaveLength(30_000)
  })

  it('loses no message while patterns are added and removed', async () => {
    const plain = await connectPlain(server)
    const node = await startNode(server)
    const first = await node.connect(['p/*'])
    await flushed(plain, node)
    plain.publish('rookery.topic.p.1', '1')
    await until(() => first.messages.length === 1)
    const second = await node.connect(['p/1'])
    first.leave()
    await flushed(plain, node)
    plain.publish('rookery.topic.p.1', '1')
    await until(() => second.messages.length === 1)
    const third = await node.connect(['*'])
    await flushed(plain, node)
    plain.publish('rookery.topic.p.1', '1')
    await until(() => third.messages.length === 1 && second.messages.length === 2)
    await flushed(plain, node)
    expect([second.messages.length, third.messages.length]).toEqual([2, 1])
  })

  it('causes a log entry, and no other fault, with a payload that is not JSON or an invalid topic', async () => {
    const plain = await connectPlain(server)
    const node = await startNode(server)
    const peer = await node.connect(['*'])
    await flushed(plain, node)
    for (const text of ['', 'hello', '{"a":', '\u0000', 'undefined']) plain.publish('rookery.topic.x', text)
    plain.publish('rookery.topic.x', new Uint8Array([0xff, 0xfe, 0x00]))
    for (const subject of [
      'a*b',
      'a%2e',
      'a/b',
      '$user.ada',
      `a.${'x'.repeat(300)}`,
      Array(20).fill('a').join('.'),
    ]) {
      plain.publish(`rookery.topic.${subject}`, '1')
    }
    plain.publish('rookery.topic.x', '"fine"')
    await until(() => peer.messages.length > 0)
    await flushed(plain, node)
    expect(peer.messages).toEqual([['x', 'fine']])
    const reported = node.logged(/could not be sent or read/)
    expect(reported.map(({ subject }) => subject)).toEqual(
      expect.arrayContaining(['rookery.topic.x', 'rookery.topic.a*b']),
    )
    expect(reported.length).toBeGreaterThanOrEqual(9)
  })

  it('sends to a user, a room or a session by request, and gets the number of sessions', async () => {
    const plain = await connectPlain(server)
    const [a] = await startNodes(server, 2)
    const alice = await a!.connect([], { user: 'alice b', room: 'r1' })
    await flushed(plain, a!)
    const request = async (address: string, message: unknown) => {
      const text = typeof message === 'string' ? message : JSON.stringify(message)
      return (await plain.request(`rookery.system.${address}`, text)).json()
    }
    const message = { topic: 'inbox/new', payload: { n: 1 } }
    expect(await request('$user.alice%2520b', message)).toEqual({ count: 1 })
    expect(await request('$room.r1', { topic: 'inbox/none' })).toEqual({ count: 1 })
    const session = alice.session.id.replace('-', '.')
    expect(await request(`$session.${session}`, message)).toEqual({ count: 1 })
    for (const other of [`${session}0`, `${a!.id}.x`, `${a!.id}.x.y`, `${a!.id}.%25`]) {
      const { error } = (await request(`$session.${other}`, message)) as { error: { code: string } }
      expect(error.code, other).toMatch(/^(not_connected|invalid_topic)$/)
    }
    expect(alice.messages.map(([topic]) => topic)).toEqual(['inbox/new', 'inbox/none', 'inbox/new'])
    await expect(request('$user.nobody', message)).rejects.toThrow(/no responders/i)
    for (const [wrong, code] of [
      [{ topic: 'a b' }, 'invalid_topic'],
      [{ topic: '' }, 'invalid_topic'],
      [{}, 'invalid_topic'],
      ['null', 'bad_frame'],
      ['hello', 'bad_frame'],
    ] as const) {
      expect(await request('$user.alice%2520b', wrong)).toMatchObject({ error: { code } })
    }
    plain.publish('rookery.system.$user.alice%2520b', 'nonsense')
    await until(() => a!.logged(/could not be sent or read/).length === 1)
    expect(alice.messages).toHaveLength(3)
  })

  it('cannot send requests to nodes', async () => {
    const plain = await connectPlain(server)
    const node = await startNode(server)
    const answered: unknown[] = []
    node.app.cluster.answer('test', () => answered.push(1))
    const reply = await plain.request(`rookery.system.$node.${node.id}`, '{"topic":"a","payload":1}')
    expect(reply.json()).toMatchObject({ error: { code: 'forbidden' } })
    expect(answered).toEqual([])
  })

  it('reaches the listeners of all nodes, and one node of each group', async () => {
    const plain = await connectPlain(server)
    const nodes = await startNodes(server, 3)
    const all: unknown[] = []
    const one: unknown[] = []
    const work: string[] = []
    for (const { app } of nodes) {
      for (const pattern of ['o/*', 'o/x', '*']) {
        app.bus.subscribe(pattern, ({ topics, payload }) => void (topics[0] === 'o/x' && all.push(payload)), {
          source: 'all',
        })
      }
      app.bus.subscribe('o/x', (event) => one.push(event), { source: 'cluster' })
      app.bus.subscribe('o/*', () => work.push('mail'), { source: 'cluster', group: 'mail.>*%' })
      app.bus.subscribe('o/x', () => work.push('node'))
    }
    await flushed(plain, ...nodes)
    for (let count = 0; count < 20; count++) {
      plain.publish('rookery.event.topic.o.x', '{"n":1}')
      plain.publish('rookery.work.topic.o.x', '{"n":1}')
    }
    await until(() => all.length >= 180 && one.length >= 20 && work.length >= 20)
    await flushed(plain, ...nodes)
    expect([all.length, one.length, work.length]).toEqual([180, 20, 20])
    expect(all.every((payload) => JSON.stringify(payload) === '{"n":1}')).toBe(true)
    expect(one[0]).toEqual({ topics: ['o/x'], payload: { n: 1 }, actor: null, client: null, except: null })
  })
})

describe('invalid data', () => {
  it('of another version is logged once for each node, and ignored', async () => {
    const plain = await connectPlain(server)
    const node = await startNode(server)
    const peer = await node.connect(['*'], { user: 'ada' })
    await flushed(plain, node)
    const subjects = ['topic.x', 'nodes', 'system.$user.ada', `system.$node.${node.id}`]
    for (const subject of [...subjects, ...subjects]) {
      plain.publish(`rookery.${subject}`, 'rookery/2 othernode 1\n{"a":1}', { reply: 'nowhere' })
      plain.publish(`rookery.${subject}`, 'rookery/2 third what=ever')
    }
    plain.publish('rookery.topic.x', '"fine"')
    await until(() => peer.messages.length > 0)
    expect(peer.messages).toEqual([['x', 'fine']])
    expect(node.logged(/another version/).map((line) => [line.node, line.version, line.level])).toEqual([
      ['othernode', '2', 'error'],
      ['third', '2', 'error'],
    ])
    expect(node.app.cluster.nodes()).toEqual([node.id])
  })

  it('on the subjects between nodes is logged and has no other effect', async () => {
    const plain = await connectPlain(server)
    const inboxes = new Set<string>()
    plain.subscribe('rookery.nodes', { callback: (_error, { reply }) => void (reply && inboxes.add(reply)) })
    const nodes = await startNodes(server, 2)
    const [a, b] = nodes as [NatsNode, NatsNode]
    const notes = [
      ...['{"kind":"hello"}', '{"kind":"hello","state":null}', '{"kind":"here","state":{}}', '{"kind":"x"}'],
      ...['{"kind":"state","state":{"revision":1,"wants":[{"group":null,"patterns":["a b","",5]}]}}'],
      ...['{"kind":"state","state":{"revision":2,"wants":5}}', '[]', '5', 'null', '{', '{"kind":"fence"}'],
      ...['{"kind":"beat"}', '{"kind":"bye"}', ''],
    ]
    const garbage = ['', '{', 'null', '{"kind":"hello"}', 'rookery/', 'rookery/1', 'rookery/1 evil 1\n{']
    const texts = [...garbage, ...notes.map((note) => `rookery/1 evil 1 ${note}`)]
    const bases = [...inboxes].map((inbox) => inbox.replace(/\.\w+$/, ''))
    expect(bases.length).toBeGreaterThanOrEqual(2)
    const kinds = ['answer.1', 'answer', 'answer.1.evil', 'here', 'back', 'what.ever', 'x']
    const systems = nodes.flatMap(({ id }) => [`rookery.system.$node.${id}`])
    const inboxed = bases.flatMap((base) => kinds.map((kind) => `${base}.${kind}`))
    for (const subject of ['rookery.nodes', ...systems, ...inboxed]) {
      for (const text of texts) plain.publish(subject, text, { reply: 'nowhere' })
    }
    plain.publish('rookery.nodes', 'rookery/1 evil 2 {"kind":"bye"}')
    await plain.flush()
    const peer = await b.connect(['x'], { user: 'ada' })
    await settled(a, b)
    expect(await a.app.send({ user: 'ada' }, 'x', 1)).toMatchObject({ sessions: 1 })
    await a.app.publish('x', 2)
    await until(() => peer.messages.length === 2)
    expect(a.logged(/could not be sent or read/).length).toBeGreaterThan(10)
    await until(() => a.app.cluster.nodes().length === 2)
  })
})
