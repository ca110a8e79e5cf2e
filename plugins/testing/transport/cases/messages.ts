import { expect } from 'vitest'
import { RookeryError } from '../../../../core/protocol/errors.ts'
import { Frame } from '../../../../core/protocol/frame.ts'
import { mismatch, violation } from '../../violation.ts'
import type { TransportCase } from '../transport-case.ts'

const ORDER = 'Wire.write MUST send all frames in order, each once'

/** Rates that no case reaches. */
const NO_RATE_LIMIT = { limits: { messageRate: 100_000, messageBurst: 100_000 } }

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

export const messages: readonly TransportCase[] = [
  {
    name: 'all published messages arrive in order, each once',
    async run(context) {
      const server = await context.start()
      const peer = await server.openSession()
      await peer.subscribe('numbers')
      const sent: { number: number; fill: string }[] = []
      while (sent.length < 400) {
        for (let burst = 1 + context.random.below(30); burst > 0; burst--) {
          const message = { number: sent.length, fill: 'x'.repeat(context.random.below(300)) }
          sent.push(message)
          await server.app.publish('numbers', message)
        }
        // Frames of the next turn of the event loop are sent in another write.
        if (context.random.below(2)) await new Promise(setImmediate)
      }
      await peer.untilPayloads('numbers', sent, ORDER)
      await peer.call('echo')
      peer.expectPayloads('numbers', sent, ORDER)
    },
  },
  {
    name: 'all frames of a peer reach the handlers in order, each once',
    async run(context) {
      const server = await context.start(NO_RATE_LIMIT)
      const heard: unknown[] = []
      server.app.handle('number', (_ctx, payload) => void heard.push(payload))
      const peer = await server.openSession()
      const sent = numbers(200)
      for (let next = 0; next < sent.length; ) {
        const burst = sent.slice(next, next + 1 + context.random.below(40))
        next += burst.length
        await peer.send(...burst.map((payload) => ({ topic: 'number', payload })))
      }
      const check = () => {
        const wrong = mismatch(heard, sent)
        if (wrong)
          throw violation('Each frame of the peer MUST be passed to session.receive, in order, once', wrong)
      }
      await context.until(check)
      await peer.call('echo')
      check()
    },
  },
  {
    name: 'replies and messages to one session arrive in the order in which they were sent',
    async run(context) {
      const server = await context.start(NO_RATE_LIMIT)
      server.app.handle('count', (ctx, number) => {
        ctx.session.send('counted', number)
        return number
      })
      const peer = await server.openSession()
      for (const number of numbers(30)) await peer.call('count', number)
      const seen = peer.frames.slice(1).map(({ type }) => type)
      const wrong = mismatch(
        seen,
        numbers(30).flatMap(() => [undefined, 'reply']),
      )
      if (wrong) throw violation(ORDER, wrong)
    },
  },
  {
    name: 'each call gets its own reply, in whatever order the handlers answer',
    async run(context) {
      const server = await context.start(NO_RATE_LIMIT)
      const answers: (() => void)[] = []
      server.app.handle('later', async (_ctx, payload) => {
        await new Promise<void>((resolve) => answers.push(resolve))
        return { answer: payload }
      })
      const peer = await server.openSession()
      const ids = [7, 0, 3, 2 ** 40, 12]
      await peer.send(...ids.map((id) => ({ topic: 'later', payload: `for ${id}`, id })))
      await context.until(() => expect(answers, 'Every call MUST reach its handler').toHaveLength(ids.length))
      for (const answer of answers.reverse()) answer()
      for (const id of ids) {
        const { payload } = await peer.untilReply(id)
        expect(payload, 'A reply MUST have the id of its call').toEqual({ answer: `for ${id}` })
      }
    },
  },
  {
    name: 'a frame without an id gets no reply',
    async run(context) {
      const server = await context.start()
      const peer = await server.openSession()
      await peer.send({ topic: 'echo', payload: 'no answer wanted' })
      await peer.call('echo', 'answer wanted')
      const replies = peer.frames.filter(({ type }) => type === 'reply')
      expect(replies, 'A frame without an id MUST be passed on without one').toHaveLength(1)
    },
  },
  {
    name: 'a message arrives with all fields of its frame, such as topics and cursor',
    async run(context) {
      const server = await context.start()
      const peer = await server.openSession()
      await peer.subscribe('orders/*')
      const topics = ['orders/7', 'users/42/orders']
      await server.app.publish({ topics, payload: 'made', client: { topic: 'order:created' } })
      await peer.untilPayloads('order:created', ['made'], 'A message MUST arrive on its client topic')
      const [session] = [...server.app.sessions]
      server.recorder.wireOf(session).write([new Frame({ topic: 'kept', payload: 'it', cursor: 'kept-124' })])
      await peer.untilPayloads('kept', ['it'], 'A frame that is written MUST arrive')
      const frames = peer.frames.filter((frame) => frame.type === undefined)
      expect(frames, 'A message MUST arrive with all its fields').toEqual([
        { topic: 'order:created', payload: 'made', topics },
        { topic: 'kept', payload: 'it', cursor: 'kept-124' },
      ])
    },
  },
  {
    name: 'peers with different subscriptions each get their own messages of one turn of the event loop',
    async run(context) {
      const server = await context.start()
      const wants = [['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'c'], ['c']]
      const peers = await Promise.all(wants.map(() => server.openSession()))
      for (const [index, peer] of peers.entries()) await peer.subscribe(...(wants[index] as string[]))
      for (let round = 0; round < 20; round++) {
        for (const topic of ['a', 'b', 'c']) await server.app.publish(topic, round)
        if (context.random.below(2)) await new Promise(setImmediate)
      }
      for (const [index, peer] of peers.entries()) {
        for (const topic of ['a', 'b', 'c']) {
          const sent = wants[index]?.includes(topic) ? numbers(20) : []
          await peer.untilPayloads(
            topic,
            sent,
            `Wire.write MUST write exactly the given frames, here those of '${topic}'`,
          )
        }
      }
    },
  },
  {
    name: 'changes to the array of frames after Wire.write have no effect',
    async run(context) {
      const server = await context.start()
      const peer = await server.openSession()
      const [session] = [...server.app.sessions]
      const wire = server.recorder.wireOf(session)
      const frames = numbers(3).map((payload) => new Frame({ topic: 'numbers', payload }))
      wire.write(frames)
      frames.fill(new Frame({ type: 'error', error: new RookeryError('internal').toJSON() }))
      frames.length = 1
      await peer.untilPayloads('numbers', numbers(3), 'Wire.write MUST NOT keep the array')
    },
  },
]
