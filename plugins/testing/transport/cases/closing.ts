import { expect } from 'vitest'
import { RookeryError } from '../../../../core/protocol/errors.ts'
import { Frame } from '../../../../core/protocol/frame.ts'
import type { PeerSession } from '../../../../core/sessions/session.ts'
import type { Wire } from '../../../../core/sessions/transport.ts'
import { mismatch, violation } from '../../violation.ts'
import type { TestServer } from '../test-server.ts'
import type { TransportCase, TransportCaseContext } from '../transport-case.ts'

const CLOSES = 'Wire.close MUST send the written frames, then close the connection'

/** An error code of the application, which the framework does not know. */
const APPLICATION_CODE = 'game_over'

/** Starts an app with one peer. `ends` collects the error codes with which sessions end. */
const startWithPeer = async (context: TransportCaseContext) => {
  const ends: (string | undefined)[] = []
  const server = await context.start({}, (app) => {
    app.sessions.onClose((_session, error) => ends.push(error?.code))
  })
  const peer = await server.openSession()
  const [session] = [...server.app.sessions]
  return { server, peer, ends, session: session as PeerSession, wire: server.recorder.wireOf(session) }
}

/** Calls all methods of a wire that has been closed. @throws if one of them throws */
const expectNoThrow = (wire: Wire, when: string, terminate: boolean): void => {
  const acts: Readonly<Record<string, () => unknown>> = {
    'Wire.write MUST NOT throw after close': () =>
      wire.write([new Frame({ topic: 'late', payload: 'too late' })]),
    'Wire.close MUST be idempotent': () => wire.close(new RookeryError('forbidden')),
    'Wire.buffered MUST NOT throw after close': () => wire.buffered,
    'Wire.ping MUST NOT throw after close': () => wire.ping?.(),
    'Wire.terminate MUST NOT throw after close': () => terminate && wire.terminate(),
  }
  for (const [requirement, act] of Object.entries(acts)) {
    try {
      act()
    } catch (error) {
      throw violation(requirement, `${when} it threw ${error}`)
    }
  }
}

const expectOneEnd = async (server: TestServer, ends: readonly unknown[]): Promise<void> => {
  await server.untilSessions(0, 'session.disconnected() MUST be called when the connection is gone')
  expect(ends, 'The session of a peer that leaves MUST end once, without an error').toEqual([undefined])
}

export const closing: readonly TransportCase[] = [
  {
    name: 'when the server closes a session, the peer gets the reason and reconnectAfter',
    async run(context) {
      const server = await context.start()
      const data = { until: 5 }
      const anyDelay: unknown = expect.any(Number)
      const reasons: [RookeryError, unknown][] = [
        [new RookeryError('forbidden'), null],
        [new RookeryError('slow_consumer'), anyDelay],
        [new RookeryError(APPLICATION_CODE, 'You «lost»'), null],
        [new RookeryError(APPLICATION_CODE, undefined, { data, retryable: true }), anyDelay],
        [new RookeryError(APPLICATION_CODE, undefined, { reconnectAfter: 1234 }), 1234],
      ]
      for (const [error, delay] of reasons) {
        const peer = await server.openSession()
        const { session } = await peer.untilWelcome()
        server.app.sessions.get(session)?.close(error)
        const close = await peer.untilEndedWith(error.code, CLOSES)
        const requirement = 'The close frame MUST arrive as it was written'
        expect(close.error, requirement).toEqual(error.toJSON())
        expect(close.reconnectAfter, requirement).toEqual(delay)
      }
      await server.untilSessions(0, 'A closed session MUST leave nothing in app.usage')
    },
  },
  {
    name: 'messages sent before a session is closed still arrive',
    async run(context) {
      for (const code of ['forbidden', 'slow_consumer']) {
        const { peer, session } = await startWithPeer(context)
        const sent = Array.from(
          { length: 100 },
          (_, number) => `${number} ${'x'.repeat(context.random.below(4000))}`,
        )
        for (const [index, text] of sent.entries()) {
          session.send('last/words', text)
          if (index === 50) await new Promise(setImmediate)
        }
        session.close(new RookeryError(code))
        await peer.untilEndedWith(code, CLOSES)
        const wrong = mismatch(peer.payloadsOn('last/words'), sent)
        if (wrong) throw violation(CLOSES, wrong)
      }
    },
  },
  {
    name: 'no frame arrives after the close frame, and calls to a closed wire do not throw',
    async run(context) {
      const { server, peer, session, wire } = await startWithPeer(context)
      session.close(new RookeryError(APPLICATION_CODE))
      expectNoThrow(wire, 'right after close', false)
      await peer.untilEndedWith(APPLICATION_CODE, CLOSES)
      await server.untilSessions(0, 'A closed session MUST leave nothing in app.usage')
      for (let again = 0; again < 2; again++) expectNoThrow(wire, 'after the end of the connection', true)
      expect(peer.payloadsOn('late'), 'Wire.write MUST write nothing after close').toEqual([])
    },
  },
  {
    name: 'calls to a wire whose peer is gone do not throw',
    async run(context) {
      const { server, peer, wire } = await startWithPeer(context)
      peer.abort()
      await server.untilSessions(0, 'session.disconnected() MUST be called when the connection is gone')
      for (let again = 0; again < 2; again++) expectNoThrow(wire, 'after the peer had left', true)
    },
  },
  {
    name: 'Wire.terminate drops the connection at once',
    async run(context) {
      const { peer, session, wire } = await startWithPeer(context)
      session.disconnected()
      wire.terminate()
      await peer.untilEnded('Wire.terminate MUST drop the connection')
    },
  },
  {
    name: 'a peer that closes its connection ends its session once, without an error',
    async run(context) {
      const { server, peer, ends } = await startWithPeer(context)
      peer.close()
      await expectOneEnd(server, ends)
    },
  },
  {
    name: 'a peer that loses its connection ends its session once, without an error',
    async run(context) {
      const { server, peer, ends } = await startWithPeer(context)
      peer.abort()
      await expectOneEnd(server, ends)
    },
  },
  {
    name: 'a peer that disconnects during calls leaves no session, and the signals of its handlers abort',
    async run(context) {
      const server = await context.start()
      let [running, aborted] = [0, 0]
      server.app.handle('wait', async ({ signal }) => {
        running++
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        aborted++
      })
      const peer = await server.openSession()
      const sent = peer.send(
        { topic: 'wait', id: 1 },
        { type: 'subscribe', topics: ['a/*', 'b', '*/c'], id: 2 },
        { topic: 'wait', id: 3 },
      )
      await context.until(() =>
        expect(running, 'Frames of the peer MUST be passed to session.receive').toBe(2),
      )
      peer.abort()
      await sent
      await server.untilSessions(0, 'session.disconnected() MUST be called when the connection is gone')
      await context.until(() =>
        expect(aborted, 'The end of a session MUST abort the signals of its handlers').toBe(2),
      )
    },
  },
  {
    name: 'a peer that stops answering pings is disconnected, and a peer that answers is not',
    capability: 'pingTimeout',
    async run(context) {
      const { timeout } = context
      const server = await context.start({ pingInterval: timeout / 16, pingTimeout: timeout / 8 })
      const responsive = await server.openSession()
      // Two rounds, so that the live peer has to answer several pings.
      for (let round = 0; round < 2; round++) {
        const silent = await server.openSession()
        silent.mute()
        await server.untilSessions(1, 'A peer that does not answer pings MUST be disconnected, and no other')
        await silent.untilEnded('Wire.terminate MUST drop the connection')
      }
      expect(responsive.closed, 'A peer that answers pings MUST stay connected').toBeUndefined()
      expect(await responsive.call('echo', 'here'), 'A peer that answers pings MUST stay connected').toBe(
        'here',
      )
    },
  },
]
