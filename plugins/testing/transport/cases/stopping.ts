import { expect } from 'vitest'
import { activeResources, untilReleased } from '../../resources.ts'
import { violation } from '../../violation.ts'
import type { TransportCase } from '../transport-case.ts'

const CLOSES = 'Wire.close MUST close the connection once what was written has left'

export const stopping: readonly TransportCase[] = [
  {
    name: 'a stopping app delivers what was sent, tells every peer when to come back, and ends all connections',
    async run(context) {
      const server = await context.start()
      const peers = await Promise.all(Array.from({ length: 5 }, () => server.openSession()))
      for (const peer of peers) await peer.subscribe('news')
      await server.app.publish('news', `the last words: ${'x'.repeat(50_000)}`)
      await server.app.publish('news', 'good-bye')
      await server.app.stop()
      server.expectNoErrors()
      for (const peer of peers) {
        const close = await peer.untilEndedWith('shutting_down', CLOSES)
        expect(close.reconnectAfter, 'The close frame MUST arrive as it was written').toEqual(
          expect.any(Number),
        )
        expect(peer.payloadsOn('news').at(-1), CLOSES).toBe('good-bye')
        expect(peer.payloadsOn('news'), CLOSES).toHaveLength(2)
      }
    },
  },
  {
    name: 'a stopping app does not wait for ever for a peer that does not read',
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
    name: 'a stopping app does not wait for ever for a peer whose handshake does not end',
    async run(context) {
      let waiting = 0
      const server = await context.start({ handshakeTimeout: 10 * context.timeout }, (app) => {
        app.sessions.onAuthenticate(() => {
          waiting++
          return new Promise(() => {})
        })
      })
      const peer = await server.connect()
      await context.until(() => expect(waiting, 'A peer MUST be taken in').toBe(1))
      await server.app.stop()
      server.expectNoErrors()
      const requirement = 'A wire that is closed at the handshake MUST close'
      if (context.has('passingRefusal')) await peer.untilEndedWith('shutting_down', requirement)
      else await peer.untilEnded(requirement)
    },
  },
  {
    name: 'once stopped, nobody is taken in',
    async run(context) {
      const server = await context.start()
      await server.openSession()
      await server.app.stop()
      server.expectNoErrors()
      const before = server.recorder.openCalls.length
      const requirement = 'Transport.stop MUST take no more connections'
      const late = await server.connect().catch(() => undefined)
      await late?.untilEnded(requirement)
      if (server.recorder.openCalls.length > before)
        throw violation(requirement, 'one came in after it had resolved')
      if (late?.frames.some(({ type }) => type === 'welcome'))
        throw violation(requirement, 'a peer was welcomed')
    },
  },
  {
    name: 'once stopped, no socket and no timer is left',
    async run(context) {
      const before = activeResources()
      // What one leaves is hard to tell from what others of the process come and go with.
      for (let life = 0; life < 5; life++) {
        const server = await context.start()
        const [polite, rude, late] = [
          await server.openSession(),
          await server.openSession(),
          await server.openSession(),
        ]
        await late.call('echo')
        polite.close()
        rude.abort()
        await server.app.stop()
        server.expectNoErrors()
      }
      await untilReleased(context, before, 'Transport.stop MUST NOT leave a socket or timer open')
    },
  },
]
