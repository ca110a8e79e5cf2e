import { createApp } from 'rookery'
import { nats } from 'rookery/nats'
import { rooms } from 'rookery/rooms'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { verifies } from '../requirements.ts'
import { recordingLogger } from '../support/app.ts'
import { clientBy } from '../support/client-transports.ts'
import { type NatsServer, startNats, until } from '../support/nats.ts'
import { useNatsProxy } from '../support/nats-proxy.ts'
import {
  ask,
  connectBy,
  startThree,
  TRANSPORTS,
  until as untilFrame,
  welcomeBy,
} from '../support/three-transports.ts'

/** Milliseconds from the slow node to NATS. The other node is on the same machine as NATS. */
const DELAY_MS = 5
const ROUNDS = 8

let server: NatsServer
beforeAll(async () => {
  server = await startNats()
  return () => server.stop()
})

let prefixes = 0

/** A node with clients that is far from NATS, and a node near NATS, which publishes. */
const start = async (delay = DELAY_MS) => {
  const prefix = `interest${++prefixes}`
  const proxy = await useNatsProxy(server, delay)
  const logger = recordingLogger()
  const near = createApp({ logger, plugins: [nats({ servers: server.url, prefix }), rooms()] })
  await near.start()
  onTestFinished(() => near.stop())
  const far = await startThree({
    plugins: [nats({ servers: proxy.url, prefix }), rooms()],
    prepare: (app) => {
      app.handle('watch', (ctx, payload) => ctx.session.subscribe(`watched/${payload}`))
    },
  })
  await until(() => near.cluster.nodes().length === 2)
  return { near, far, proxy, ...far }
}

describe.each(TRANSPORTS)(
  'a client over %s, of a node that is far from NATS, gets what another node publishes',
  (transport) => {
    it('after the reply to subscribe', async () => {
      verifies('delivery.subscriptions.after-reply', 'protocol.order.after-subscribe')
      const { near, url } = await start()
      for (let round = 0; round < ROUNDS; round++) {
        const peer = await welcomeBy(transport, url)
        await ask(peer, { type: 'subscribe', topics: [`news/${round}`, `${round}/*`] })
        void near.publish(`news/${round}`, 1)
        void near.publish(`${round}/x`, 2)
        await untilFrame(peer, (frame) => frame.type === undefined && frame.topic === `${round}/x`)
        expect(peer.frames.filter(({ type }) => type === undefined)).toHaveLength(2)
      }
    })

    it('after the reply of a handler that subscribes the session, and after it has joined a room', async () => {
      verifies('delivery.subscriptions.after-reply')
      const { near, url } = await start()
      for (let round = 0; round < ROUNDS; round++) {
        const peer = await welcomeBy(transport, url, { username: `u${round}` })
        await ask(peer, { topic: 'watch', payload: round })
        void near.publish(`watched/${round}`, 1)
        await ask(peer, { topic: 'room/join', payload: { room: `r${round}` } })
        void near.publish(`rooms/r${round}/x`, 1)
        expect(await near.send({ room: `r${round}` }, 'call', 1)).toMatchObject({ sessions: 1 })
        await untilFrame(peer, (frame) => frame.type === undefined && frame.topic === 'call')
        const topics = peer.frames.map((frame) => (frame.type === undefined ? frame.topic : ''))
        expect(topics).toEqual(expect.arrayContaining([`watched/${round}`, `rooms/r${round}/x`]))
      }
    })

    it('after welcome: to its user, its room and the topics of its handshake', async () => {
      verifies('delivery.subscriptions.handshake-topics', 'delivery.subscriptions.addressed-after-welcome')
      const { near, url } = await start()
      for (let round = 0; round < ROUNDS; round++) {
        const inRoom = round % 2 === 0
        const params = {
          username: `u${round}`,
          ...(inRoom && { roomID: `r${round}` }),
          ...(transport === 'sse' && { topic: `t/${round}` }),
        }
        const peer = await connectBy(transport, url, params)
        await untilFrame(peer, ({ type }) => type === 'welcome')
        void near.publish(`t/${round}`, 1)
        void near.publish(`rooms/r${round}/x`, 1)
        expect(await near.send({ user: `u${round}` }, 'inbox', 1)).toMatchObject({ sessions: 1 })
        if (inRoom) expect(await near.send({ room: `r${round}` }, 'call', 1)).toMatchObject({ sessions: 1 })
        const due = ['inbox']
        if (inRoom) due.push('call', `rooms/r${round}/x`)
        if (transport === 'sse') due.push(`t/${round}`)
        for (const topic of due) {
          await untilFrame(peer, (frame) => frame.type === undefined && frame.topic === topic)
        }
      }
    })
  },
)

describe('a client of rookery/client', () => {
  it('gets what another node publishes once subscription.ready has resolved', async () => {
    const { near, url } = await start()
    const client = clientBy('websocket', url)
    for (let round = 0; round < ROUNDS; round++) {
      const heard: unknown[] = []
      await client.subscribe(`news/${round}`, (payload) => void heard.push(payload)).ready
      void near.publish(`news/${round}`, round)
      await until(() => heard.length === 1)
    }
  })
})

describe('the wait for NATS', () => {
  it('is one round trip for all clients that subscribe at the same time, and none for a known pattern', async () => {
    const { url, proxy } = await start(50)
    const peers = await Promise.all(Array.from({ length: 60 }, () => welcomeBy('websocket', url)))
    const flushes = async (topic: (index: number) => string) => {
      const before = proxy.pings
      await Promise.all(peers.map((peer, index) => ask(peer, { type: 'subscribe', topics: [topic(index)] })))
      return proxy.pings - before
    }
    // The client of NATS pings every two seconds, too.
    const first = await flushes((index) => `own/${index}`)
    expect(first).toBeGreaterThan(0)
    expect(first).toBeLessThan(30)
    expect(await flushes(() => 'own/0')).toBeLessThanOrEqual(1)
  })

  it('does not delay other replies, nor messages of the own node', async () => {
    const { far, url } = await start(200)
    const [one, two] = [await welcomeBy('websocket', url), await welcomeBy('websocket', url)]
    const subscribed = ask(one, { type: 'subscribe', topics: ['slow'] })
    let settled = false
    void subscribed.then(() => (settled = true))
    expect(await ask(two, { topic: 'echo', payload: 1 })).toBe(1)
    void far.app.publish('slow', 1)
    await untilFrame(one, (frame) => frame.type === undefined && frame.topic === 'slow')
    expect(settled).toBe(false)
    await subscribed
  })

  it('ends when NATS does not answer, and is left out while NATS is away', async () => {
    verifies('delivery.nodes.without-nats')
    const { far, proxy, url, lines } = await start()
    const peer = await welcomeBy('websocket', url)
    proxy.hold()
    onTestFinished(() => proxy.release())
    expect(await ask(peer, { type: 'subscribe', topics: ['a'] })).toEqual({ topics: ['a'] })
    expect(lines.filter(({ msg }) => /does not confirm/.test(msg ?? ''))).toHaveLength(1)
    await welcomeBy('websocket', url, { username: 'ada' })
    await until(() => !far.app.cluster.connected)
    const from = performance.now()
    for (let n = 0; n < 20; n++) await ask(peer, { type: 'subscribe', topics: [`away/${n}`] })
    expect(performance.now() - from).toBeLessThan(5000)
  })
})
