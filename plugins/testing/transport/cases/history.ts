import { expect } from 'vitest'
import type { PingFrame, ReplayedFrame, ServerFrame } from '../../../../core/protocol/protocol.ts'
import type { TestPeer } from '../test-peer.ts'
import type { TransportCase } from '../transport-case.ts'

/** An app that keeps the messages whose topics begin with `kept/`. */
const KEEPING = { keepsMessages: true }

const messagesOf = (peer: TestPeer) =>
  peer.frames.flatMap((frame) => (frame.type === undefined ? [frame] : []))

const untilReplayed = (peer: TestPeer): Promise<ReplayedFrame> =>
  peer.untilFrame(
    'The end of a replay MUST arrive',
    (frame): frame is ReplayedFrame => frame.type === 'replayed',
  )

export const history: readonly TransportCase[] = [
  {
    name: 'the position of a session arrives in welcome, in the reply to a subscription, and in pings',
    async run(context) {
      const server = await context.start({ ...KEEPING, pingInterval: context.timeout / 40 })
      const peer = await server.openSession()
      const { cursor } = await peer.untilWelcome()
      const requirement = 'A frame with a position MUST arrive with its position'
      expect(cursor, requirement).toBe('position-0')
      await server.app.publish('kept/a', 1)
      const { payload } = await peer.request({ type: 'subscribe', topics: ['kept/*'] })
      expect(payload, requirement).toEqual({ topics: ['kept/*'], cursor: 'position-1' })
      await server.app.publish('kept/a', 2)
      const hasPosition = (frame: ServerFrame): frame is PingFrame =>
        frame.type === 'ping' && frame.cursor === 'position-2'
      await peer.untilFrame(requirement, hasPosition)
    },
  },
  {
    name: 'a kept message arrives with its position, and another message without one',
    async run(context) {
      const server = await context.start(KEEPING)
      const peer = await server.openSession()
      await peer.subscribe('*')
      await server.app.publish('kept/a', 1)
      await server.app.publish('other', 2)
      await peer.untilPayloads('other', [2], 'A message MUST arrive')
      await peer.untilPayloads('kept/a', [1], 'A kept message MUST arrive')
      const messages = messagesOf(peer).toSorted((a, b) => Number(a.payload) - Number(b.payload))
      expect(messages, 'A message MUST arrive with all its fields').toEqual([
        { topic: 'kept/a', payload: 1, cursor: 'position-1' },
        { topic: 'other', payload: 2 },
      ])
    },
  },
  {
    name: 'a subscription with since gets its reply, then the replay, then its end, then live messages',
    async run(context) {
      const server = await context.start(KEEPING)
      const peer = await server.openSession()
      const numbers = Array.from({ length: 60 }, (_, number) => number)
      for (const number of numbers.slice(0, 40)) await server.app.publish('kept/numbers', number)
      const replied = peer.request({ type: 'subscribe', topics: ['kept/*'], since: 'earliest' })
      for (const number of numbers.slice(40)) {
        await server.app.publish('kept/numbers', number)
        if (context.random.below(2)) await new Promise(setImmediate)
      }
      expect((await replied).payload, 'The field since MUST reach the app').toEqual({ topics: ['kept/*'] })
      const { recovered } = await untilReplayed(peer)
      expect(recovered, 'The end of a replay MUST arrive as it was written').toBe(true)
      await server.app.publish('kept/numbers', 60)
      await peer.untilPayloads(
        'kept/numbers',
        [...numbers, 60],
        'Kept messages MUST arrive in order, each once',
      )
      const kinds = peer.frames.map(
        (frame) => frame.type ?? (frame.replayed ? 'replayed message' : 'message'),
      )
      const count = kinds.filter((kind) => kind === 'replayed message').length
      expect(kinds, 'Wire.write MUST keep the order of a replay').toEqual([
        'welcome',
        'reply',
        ...Array(count).fill('replayed message'),
        'replayed',
        ...Array(numbers.length + 1 - count).fill('message'),
      ])
    },
  },
  {
    name: 'a peer that has lost its connection gets what it has missed on another session',
    async run(context) {
      const server = await context.start(KEEPING)
      const first = await server.openSession()
      await first.subscribe('kept/*')
      await server.app.publish('kept/a', 1)
      await first.untilPayloads('kept/a', [1], 'A kept message MUST arrive')
      const cursor = messagesOf(first)[0]?.cursor as string
      expect(cursor, 'A kept message MUST arrive with its position').toBe('position-1')
      first.abort()
      for (const payload of [2, 3]) await server.app.publish('kept/a', payload)
      const second = await server.openSession()
      await second.request({ type: 'subscribe', topics: ['kept/*'], since: cursor })
      const end = await untilReplayed(second)
      expect(end, 'The end of a replay MUST arrive as it was written').toMatchObject({
        recovered: true,
        cursor: 'position-3',
      })
      second.expectPayloads('kept/a', [2, 3], 'The replay MUST arrive before its end')
    },
  },
]
