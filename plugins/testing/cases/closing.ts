import { expect } from 'vitest'
import { RookeryError } from '../../../core/protocol/errors.ts'
import { Frame } from '../../../core/protocol/frame.ts'
import type { PeerSession } from '../../../core/sessions/session.ts'
import type { Wire } from '../../../core/sessions/transport.ts'
import { breach, departure } from '../breach.ts'
import type { Case, Server, Trial } from '../trial.ts'

const CLOSES = 'Wire.close MUST close the connection once what was written has left'

/** A code that only the application knows. */
const OWN = 'game_over'

/** Starts an app with one peer; `ends` are the reasons of the sessions that have ended. */
const startWithPeer = async (trial: Trial) => {
  const ends: (string | undefined)[] = []
  const server = await trial.start({}, (app) => {
    app.sessions.onClose((_session, error) => ends.push(error?.code))
  })
  const peer = await server.join()
  const [session] = [...server.app.sessions]
  return { server, peer, ends, session: session as PeerSession, wire: server.probe.wireOf(session) }
}

/** Does to a wire what may be done to it at any time. */
const expectQuiet = (wire: Wire, when: string, terminate: boolean): void => {
  const acts: Readonly<Record<string, () => unknown>> = {
    'Wire.write MUST NOT throw after close': () =>
      wire.write([new Frame({ topic: 'late', payload: 'too late' })]),
    'Wire.close MUST be idempotent': () => wire.close(new RookeryError('forbidden')),
    'Wire.buffered MUST NOT throw after close': () => wire.buffered,
    'Wire.ping MUST NOT throw after close': () => wire.ping?.(),
    'Wire.terminate MUST NOT throw after close': () => terminate && wire.terminate(),
  }
  for (const [demand, act] of Object.entries(acts)) {
    try {
      act()
    } catch (error) {
      throw breach(demand, `${when} it threw ${error}`)
    }
  }
}

const expectOneEnd = async (server: Server, ends: readonly unknown[]): Promise<void> => {
  await server.untilLeft(0, 'session.disconnected() MUST be called when the connection is gone')
  expect(ends, 'A peer that leaves ends its session once, and without an error').toEqual([undefined])
}

export const closing: readonly Case[] = [
  {
    name: 'a peer whose session the server ends is told why, and whether to come back',
    async run(trial) {
      const server = await trial.start()
      const reasons: [RookeryError, boolean][] = [
        [new RookeryError('forbidden'), false],
        [new RookeryError('slow_consumer'), true],
        [new RookeryError(OWN, 'You «lost»'), false],
      ]
      for (const [error, returns] of reasons) {
        const peer = await server.join()
        const { session } = await peer.welcome()
        server.app.sessions.get(session)?.close(error)
        const close = await peer.endedWith(error.code, CLOSES)
        const demand = 'The close frame MUST arrive as it was written'
        expect(close.error, demand).toEqual(error.toJSON())
        expect(close.reconnectAfter, demand).toEqual(returns ? expect.any(Number) : null)
      }
      await server.untilLeft(0, 'A session that was ended MUST leave nothing behind')
    },
  },
  {
    name: 'what was sent before the end of a session still arrives',
    async run(trial) {
      for (const code of ['forbidden', 'slow_consumer']) {
        const { peer, session } = await startWithPeer(trial)
        const sent = Array.from(
          { length: 100 },
          (_, number) => `${number} ${'x'.repeat(trial.random.below(4000))}`,
        )
        for (const [index, text] of sent.entries()) {
          session.send('last/words', text)
          if (index === 50) await new Promise(setImmediate)
        }
        session.close(new RookeryError(code))
        await peer.endedWith(code, CLOSES)
        const wrong = departure(peer.on('last/words'), sent)
        if (wrong) throw breach(CLOSES, wrong)
      }
    },
  },
  {
    name: 'nothing comes after the end, and no call to a closed wire fails',
    async run(trial) {
      const { server, peer, session, wire } = await startWithPeer(trial)
      session.close(new RookeryError(OWN))
      expectQuiet(wire, 'right after close', false)
      await peer.endedWith(OWN, CLOSES)
      await server.untilLeft(0, 'A session that was ended MUST leave nothing behind')
      for (let again = 0; again < 2; again++) expectQuiet(wire, 'after the connection had ended', true)
      expect(peer.on('late'), 'Wire.write MUST write nothing after close').toEqual([])
    },
  },
  {
    name: 'a wire whose peer is gone fails no call either',
    async run(trial) {
      const { server, peer, wire } = await startWithPeer(trial)
      peer.abort()
      await server.untilLeft(0, 'session.disconnected() MUST be called when the connection is gone')
      for (let again = 0; again < 2; again++) expectQuiet(wire, 'after the peer had left', true)
    },
  },
  {
    name: 'terminate drops the connection at once',
    async run(trial) {
      const { peer, session, wire } = await startWithPeer(trial)
      session.disconnected()
      wire.terminate()
      await peer.ended('Wire.terminate MUST drop the connection')
    },
  },
  {
    name: 'a peer that leaves politely ends its session, once and without an error',
    async run(trial) {
      const { server, peer, ends } = await startWithPeer(trial)
      peer.close()
      await expectOneEnd(server, ends)
    },
  },
  {
    name: 'a peer that is cut off ends its session, once and without an error',
    async run(trial) {
      const { server, peer, ends } = await startWithPeer(trial)
      peer.abort()
      await expectOneEnd(server, ends)
    },
  },
  {
    name: 'a peer that leaves in the middle of things leaves nothing behind, and its handlers are told',
    async run(trial) {
      const server = await trial.start()
      let [running, aborted] = [0, 0]
      server.app.handle('wait', async ({ signal }) => {
        running++
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        aborted++
      })
      const peer = await server.join()
      const sent = peer.send(
        { topic: 'wait', id: 1 },
        { type: 'subscribe', topics: ['a/*', 'b', '*/c'], id: 2 },
        { topic: 'wait', id: 3 },
      )
      await trial.until(() => expect(running, 'Frames of the peer MUST be passed on').toBe(2))
      peer.abort()
      await sent
      await server.untilLeft(0, 'session.disconnected() MUST be called when the connection is gone')
      await trial.until(() => expect(aborted, 'The end of a session aborts its handlers').toBe(2))
    },
  },
]
