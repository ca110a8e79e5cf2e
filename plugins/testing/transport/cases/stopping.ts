import { expect } from 'vitest'
import { activeResources, untilReleased } from '../../resources.ts'
import { violation } from '../../violation.ts'
import type { TransportCase } from '../transport-case.ts'

const CLOSES = 'Wire.close MUST send the written frames, then close the connection'

export const stopping: readonly TransportCase[] = [
  {
    name: 'an app that stops delivers sent messages, tells each peer when to reconnect, and ends all connections',
    async run(context) {
      const server = await context.start()
      const peers = await Promise.all(Array.from({ length: 5 }, () => server.openSession()))
      for (const peer of peers) await peer.subscribe('news')
      await server.app.publish('news', `large: ${'x'.repeat(50_000)}`)
      await server.app.publish('news', 'last')
      await server.app.stop()
      server.expectNoErrors()
      for (const peer of peers) {
        const close = await peer.untilEndedWith('shutting_down', CLOSES)
        expect(close.reconnectAfter, 'The close frame MUST arrive as it was written').toEqual(
          expect.any(Number),
        )
        expect(peer.payloadsOn('news').at(-1), CLOSES).toBe('last')
        expect(peer.payloadsOn('news'), CLOSES).toHaveLength(2)
      }
    },
  },
  {
    name: 'an app stops in time although a peer does not read',
    capability: 'slowReader',
    async run(context) {
      const server = await context.start({ limits: { maxBuffered: 64_000_000 } })
      const slow = await server.openSession()
      await slow.subscribe('flood')
      const wire = server.recorder.wireOf([...server.app.sessions][0])
      slow.pause()
      for (let sent = 0; sent < 400 && wire.buffered < 1_000_000; sent++) {
        await server.app.publish('flood', 'x'.repeat(100_000))
        await new Promise(setImmediate)
      }
      await server.app.stop()
      server.expectNoErrors()
    },
  },
  {
    name: 'an app stops in time although a handshake does not finish',
    async run(context) {
      let waiting = 0
      const server = await context.start({ handshakeTimeout: 10 * context.timeout }, (app) => {
        app.sessions.onAuthenticate(() => {
          waiting++
          return new Promise(() => {})
        })
      })
      const peer = await server.connect()
      await context.until(() => expect(waiting, 'The transport MUST accept the peer').toBe(1))
      await server.app.stop()
      server.expectNoErrors()
      const requirement = 'A wire that is closed during the handshake MUST close its connection'
      if (context.has('passingRefusal')) await peer.untilEndedWith('shutting_down', requirement)
      else await peer.untilEnded(requirement)
    },
  },
  {
    name: 'a stopped transport accepts no connection',
    async run(context) {
      const server = await context.start()
      await server.openSession()
      await server.app.stop()
      server.expectNoErrors()
      const before = server.recorder.openCalls.length
      const requirement = 'A stopped transport MUST accept no connection'
      const late = await server.connect().catch(() => undefined)
      await late?.untilEnded(requirement)
      if (server.recorder.openCalls.length > before)
        throw violation(requirement, 'a session was opened after Transport.stop had resolved')
      if (late?.frames.some(({ type }) => type === 'welcome'))
        throw violation(requirement, 'a peer got a welcome frame')
    },
  },
  {
    name: 'a stopped transport leaves no socket and no timer',
    async run(context) {
      const before = activeResources()
      // Five rounds: a single leaked timer is hard to tell from other timers of the process.
      for (let round = 0; round < 5; round++) {
        const server = await context.start()
        const [closing, aborting, open] = [
          await server.openSession(),
          await server.openSession(),
          await server.openSession(),
        ]
        await open.call('echo')
        closing.close()
        aborting.abort()
        await server.app.stop()
        server.expectNoErrors()
      }
      await untilReleased(context, before, 'Transport.stop MUST NOT leave a socket or timer open')
    },
  },
]
