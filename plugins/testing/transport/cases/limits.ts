import { expect } from 'vitest'
import type { ClientFrame } from '../../../../core/protocol/protocol.ts'
import { violation } from '../../violation.ts'
import type { TestPeer } from '../test-peer.ts'
import type { TransportCase } from '../transport-case.ts'

const LIMIT = 3000

/** A frame of exactly this many bytes, filled with one character. */
const frameOf = (bytes: number, letter: string): ClientFrame => {
  const frame = (payload: string) => ({ topic: 'echo', payload, id: 1000 })
  const room = bytes - JSON.stringify(frame('')).length
  const size = new TextEncoder().encode(letter).length
  return frame(letter.repeat(Math.floor(room / size)) + 'x'.repeat(room % size))
}

const errorCodes = ({ frames }: TestPeer): string[] =>
  frames.flatMap((frame) => ('error' in frame && frame.error ? [frame.error.code] : []))

export const limits: readonly TransportCase[] = [
  {
    name: 'a frame of exactly maxPayload bytes is accepted',
    async run(context) {
      const server = await context.start({ limits: { maxPayload: LIMIT } })
      for (const letter of ['x', '漢']) {
        const peer = await server.openSession()
        const frame = frameOf(LIMIT, letter)
        await peer.send(frame)
        const { payload } = await peer.untilReply(1000)
        const requirement = 'A frame of limits.maxPayload bytes MUST be accepted'
        expect(payload, requirement).toBe('payload' in frame ? frame.payload : '')
      }
    },
  },
  {
    name: 'a frame larger than maxPayload reaches no handler: the peer gets an error or is disconnected',
    async run(context) {
      const server = await context.start({ limits: { maxPayload: LIMIT } })
      let handled = 0
      server.app.use('echo', (_ctx, next) => {
        handled++
        return next()
      })
      const otherPeer = await server.openSession()
      // The second frame is below the limit in characters, but not in bytes.
      for (const frame of [frameOf(LIMIT * 3, 'x'), frameOf(LIMIT * 2, '漢')]) {
        const peer = await server.openSession()
        await peer.send(frame)
        await context.until(() => {
          if (handled > 0 || (!peer.closed && errorCodes(peer).length === 0)) {
            const observed =
              handled > 0 ? 'a handler got the frame' : 'the peer got no error and is still connected'
            throw violation('A transport MUST refuse frames larger than limits.maxPayload bytes', observed)
          }
        })
        const others = errorCodes(peer).filter((code) => code !== 'payload_too_large')
        expect(others, 'A frame that is too large MUST be refused with payload_too_large').toEqual([])
      }
      expect(await otherPeer.call('echo', 'still here'), 'Other peers MUST still be served').toBe(
        'still here',
      )
    },
  },
  {
    name: 'frames beyond the rate limit are refused, and a flooding peer is disconnected with rate_limited',
    async run(context) {
      const server = await context.start({ limits: { messageRate: 1, messageBurst: 5 } })
      const peer = await server.openSession()
      const call = (id: number) => peer.send({ topic: 'echo', payload: id, id })
      for (let id = 0; id < 5; id++) await call(id)
      for (let id = 0; id < 5; id++) expect((await peer.untilReply(id)).payload).toBe(id)
      await Promise.all(Array.from({ length: 40 }, (_, index) => call(5 + index)))
      const close = await peer.untilEndedWith(
        'rate_limited',
        'Wire.close MUST end the connection of a flooding peer',
      )
      expect(close.reconnectAfter, 'The close frame MUST arrive as it was written').toEqual(
        expect.any(Number),
      )
      const refused = peer.frames.filter((frame) => frame.type === 'reply' && frame.error)
      const requirement = 'Replies before the close frame MUST arrive: at least five with rate_limited'
      expect(refused.length, requirement).toBeGreaterThanOrEqual(5)
      await server.untilSessions(0, 'A disconnected peer MUST leave no session')
    },
  },
]
