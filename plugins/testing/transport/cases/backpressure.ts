import { expect } from 'vitest'
import { violation } from '../../violation.ts'
import type { TestPeer } from '../test-peer.ts'
import type { TestServer } from '../test-server.ts'
import type { TransportCase } from '../transport-case.ts'

const BUFFERED = 'Wire.buffered MUST count the bytes accepted and not yet handed to the kernel'

/** Number of messages of 100 kB: more than the kernel buffers of both sides hold. */
const FLOOD_MESSAGES = 400
const FILL_100_KB = 'x'.repeat(100_000)
const MAX_BUFFERED = 300_000

/** Publishes up to FLOOD_MESSAGES, one per turn of the event loop, until `enough`. Resolves with their number. */
const flood = async (server: TestServer, enough: () => boolean): Promise<number> => {
  let sent = 0
  while (sent < FLOOD_MESSAGES && !enough()) {
    await server.app.publish('flood', { number: sent++, fill: FILL_100_KB })
    await new Promise(setImmediate)
  }
  return sent
}

const numbersOf = (peer: TestPeer): number[] =>
  peer.payloadsOn('flood').map((payload) => (payload as { number: number }).number)

export const backpressure: readonly TransportCase[] = [
  {
    name: 'a peer that does not read is disconnected with slow_consumer, and other peers are served',
    capability: 'slowReader',
    async run(context) {
      const server = await context.start({ limits: { maxBuffered: MAX_BUFFERED } })
      const slow = await server.openSession()
      await slow.subscribe('flood')
      const { session } = await slow.untilWelcome()
      slow.pause()
      const sent = await flood(server, () => server.app.sessions.get(session) === undefined)
      if (server.app.sessions.get(session)) {
        throw violation(
          BUFFERED,
          `the app noticed nothing after ${sent} messages of 100 kB to a peer that does not read`,
        )
      }
      slow.resume()
      await slow.untilEndedWith(
        'slow_consumer',
        'Wire.close MUST send the written frames, then close the connection',
      )
      const other = await server.openSession()
      expect(await other.call('echo', 'fine'), 'Other peers MUST still be served').toBe('fine')
    },
  },
  {
    name: 'under slowConsumer: drop, a peer that does not read misses messages and gets later ones in order',
    capability: 'slowReader',
    async run(context) {
      const server = await context.start({ slowConsumer: 'drop', limits: { maxBuffered: MAX_BUFFERED } })
      const slow = await server.openSession()
      await slow.subscribe('flood', 'after')
      const wire = server.recorder.wireOf([...server.app.sessions][0])
      slow.pause()
      let full = 0
      const sent = await flood(server, () => wire.buffered > MAX_BUFFERED / 2 && ++full > 20)
      slow.resume()
      expect(await slow.call('echo', 'still here'), 'The session of a slow peer MUST stay open').toBe(
        'still here',
      )
      await server.app.publish('after', 'the flood')
      await slow.untilPayloads('after', ['the flood'], 'A peer that reads again MUST get later messages')
      const numbers = numbersOf(slow)
      if (numbers.length === sent)
        throw violation(
          BUFFERED,
          `none of ${sent} messages of 100 kB to a peer that did not read was dropped`,
        )
      expect(numbers, 'Wire.write MUST keep the order of frames').toEqual(numbers.toSorted((a, b) => a - b))
    },
  },
  {
    name: 'a peer that reads is never treated as slow, however many messages it gets',
    async run(context) {
      const server = await context.start({ limits: { maxBuffered: MAX_BUFFERED } })
      const peer = await server.openSession()
      await peer.subscribe('flood')
      const [session] = [...server.app.sessions]
      for (let round = 1; round <= 20; round++) {
        await server.app.publish('flood', { number: round, fill: FILL_100_KB })
        await context.until(() => {
          const count = numbersOf(peer).length
          if (count < round) throw violation(BUFFERED, `a peer that reads got ${count} of ${round} messages`)
        })
      }
      const wire = server.recorder.wireOf(session)
      await context.until(() =>
        expect(wire.buffered, `${BUFFERED}: 0 once the peer has read everything`).toBe(0),
      )
    },
  },
]
