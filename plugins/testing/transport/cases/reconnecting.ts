import { expect } from 'vitest'
import { RookeryError } from '../../../../core/protocol/errors.ts'
import { activeResources, untilReleased } from '../../resources.ts'
import type { TestPeer } from '../test-peer.ts'
import type { TestServer } from '../test-server.ts'
import type { TransportCase } from '../transport-case.ts'

const ADA = { params: { username: 'ada' } }

/** The ways in which a connection can end. */
const ENDINGS: readonly ((peer: TestPeer, server: TestServer) => Promise<void> | void)[] = [
  (peer) => peer.close(),
  (peer) => peer.abort(),
  async (peer, { app }) => {
    const { session } = await peer.untilWelcome()
    app.sessions.get(session)?.close(new RookeryError('shutting_down'))
  },
]

/** Endings that do not wait for the welcome frame or for a reply. */
const EARLY_ENDINGS: typeof ENDINGS = [
  async (peer) => {
    await peer.untilWelcome()
    const sent = peer.send({ type: 'subscribe', topics: ['a/*', '*/b'], id: 1 }, { topic: 'echo', id: 2 })
    peer.abort()
    await sent
  },
  (peer) => peer.abort(),
  (peer) => peer.close(),
]

export const reconnecting: readonly TransportCase[] = [
  {
    name: 'a peer that reconnects gets a new session without the old subscriptions',
    async run(context) {
      const server = await context.start()
      const sessions = new Set<string>()
      for (const end of ENDINGS) {
        const peer = await server.openSession(ADA)
        sessions.add((await peer.untilWelcome()).session)
        await server.app.publish('news', 'before it has subscribed')
        await peer.subscribe('news')
        await server.app.publish('news', 'after')
        await peer.untilPayloads('news', ['after'], 'A new connection MUST begin a new session')
        await end(peer, server)
        await server.untilSessions(0, 'session.disconnected() MUST be called when the connection is gone')
      }
      expect(sessions.size, 'A new connection MUST begin a new session').toBe(ENDINGS.length)
    },
  },
  {
    name: 'each connection of a user is a session of its own and ends on its own',
    async run(context) {
      const server = await context.start({}, (app) => {
        app.sessions.onAuthenticate(({ query }) => ({ id: query.get('username') ?? '', name: 'Ada' }))
      })
      const peers = [
        await server.openSession(ADA),
        await server.openSession(ADA),
        await server.openSession(ADA),
      ]
      const [first, second, third] = peers as [TestPeer, TestPeer, TestPeer]
      for (const peer of peers) await peer.subscribe('news')
      await server.untilSessions(3, 'A new connection MUST begin a new session')
      first.abort()
      await server.untilSessions(2, 'The end of a connection MUST end its session and no other')
      third.close()
      await server.untilSessions(1, 'The end of a connection MUST end its session and no other')
      await server.app.publish('news', 'after two have left')
      await second.untilPayloads(
        'news',
        ['after two have left'],
        'The session of another connection MUST stay open',
      )
      expect(await second.call('echo', 1), 'The session of another connection MUST stay open').toBe(1)
    },
  },
  {
    name: 'a second app accepts peers after the first one has stopped',
    async run(context) {
      for (let round = 0; round < 2; round++) {
        const server = await context.start()
        const peer = await server.openSession()
        expect(
          await peer.call('echo', round),
          'A plugin factory MUST work for several apps, one after the other',
        ).toBe(round)
        await server.app.stop()
        await peer.untilEndedWith(
          'shutting_down',
          'Wire.close MUST send the written frames, then close the connection',
        )
      }
    },
  },
  {
    name: 'after many connections have ended in every way, no session, socket or timer is left',
    async run(context) {
      let ended = 0
      const server = await context.start({}, (app) => {
        app.sessions.onClose(() => ended++)
      })
      const first = await server.openSession()
      first.close()
      await server.untilSessions(0, 'session.disconnected() MUST be called when the connection is gone')
      const before = activeResources()
      const connectAndEnd = async () => {
        for (let count = 0; count < 8; count++) {
          const early = context.random.below(2) === 1
          const peer = early ? await server.connect() : await server.openSession()
          await context.random.pick(early ? EARLY_ENDINGS : ENDINGS)(peer, server)
        }
      }
      await Promise.all(Array.from({ length: 8 }, connectAndEnd))
      await server.untilSessions(0, 'session.disconnected() MUST be called when the connection is gone')
      const opened = server.recorder.openCalls.filter(({ session }) => session !== undefined).length
      await context.until(() => expect(ended, 'Every session MUST end').toBe(opened))
      await untilReleased(context, before, 'A connection that is gone MUST leave no socket and no timer')
    },
  },
]
