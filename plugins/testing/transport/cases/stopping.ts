import { expect } from 'vitest'
import { resources, untilNoMore } from '../../resources.ts'
import { breach } from '../../violation.ts'
import type { Case } from '../transport-case.ts'

const CLOSES = 'Wire.close MUST close the connection once what was written has left'

export const stopping: readonly Case[] = [
  {
    name: 'a stopping app delivers what was sent, tells every peer when to come back, and ends all connections',
    async run(trial) {
      const server = await trial.start()
      const peers = await Promise.all(Array.from({ length: 5 }, () => server.join()))
      for (const peer of peers) await peer.subscribe('news')
      await server.app.publish('news', `the last words: ${'x'.repeat(50_000)}`)
      await server.app.publish('news', 'good-bye')
      await server.app.stop()
      server.check()
      for (const peer of peers) {
        const close = await peer.endedWith('shutting_down', CLOSES)
        expect(close.reconnectAfter, 'The close frame MUST arrive as it was written').toEqual(
          expect.any(Number),
        )
        expect(peer.on('news').at(-1), CLOSES).toBe('good-bye')
        expect(peer.on('news'), CLOSES).toHaveLength(2)
      }
    },
  },
  {
    name: 'a stopping app does not wait for ever for a peer that does not read',
    capability: 'slowReader',
    async run(trial) {
      const server = await trial.start({ limits: { maxBuffered: 64_000_000 } })
      const slow = await server.join()
      await slow.subscribe('flood')
      const wire = server.probe.wireOf([...server.app.sessions][0])
      slow.pause()
      for (let sent = 0; sent < 400 && wire.buffered < 1_000_000; sent++) {
        await server.app.publish('flood', 'x'.repeat(100_000))
        await new Promise(setImmediate)
      }
      await server.app.stop()
      server.check()
    },
  },
  {
    name: 'a stopping app does not wait for ever for a peer whose handshake does not end',
    async run(trial) {
      let waiting = 0
      const server = await trial.start({ handshakeTimeout: 10 * trial.timeout }, (app) => {
        app.sessions.onAuthenticate(() => {
          waiting++
          return new Promise(() => {})
        })
      })
      const peer = await server.connect()
      await trial.until(() => expect(waiting, 'A peer MUST be taken in').toBe(1))
      await server.app.stop()
      server.check()
      const demand = 'A wire that is closed at the handshake MUST close'
      if (trial.has('passingRefusal')) await peer.endedWith('shutting_down', demand)
      else await peer.ended(demand)
    },
  },
  {
    name: 'once stopped, nobody is taken in',
    async run(trial) {
      const server = await trial.start()
      await server.join()
      await server.app.stop()
      server.check()
      const before = server.probe.openings.length
      const demand = 'Transport.stop MUST take no more connections'
      const late = await server.connect().catch(() => undefined)
      await late?.ended(demand)
      if (server.probe.openings.length > before) throw breach(demand, 'one came in after it had resolved')
      if (late?.frames.some(({ type }) => type === 'welcome')) throw breach(demand, 'a peer was welcomed')
    },
  },
  {
    name: 'once stopped, no socket and no timer is left',
    async run(trial) {
      const before = resources()
      // What one leaves is hard to tell from what others of the process come and go with.
      for (let life = 0; life < 5; life++) {
        const server = await trial.start()
        const [polite, rude, late] = [await server.join(), await server.join(), await server.join()]
        await late.call('echo')
        polite.close()
        rude.abort()
        await server.app.stop()
        server.check()
      }
      await untilNoMore(trial, before, 'Transport.stop MUST NOT leave a socket or timer open')
    },
  },
]
