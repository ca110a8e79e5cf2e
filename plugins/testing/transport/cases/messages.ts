import { expect } from 'vitest'
import { RookeryError } from '../../../../core/protocol/errors.ts'
import { Frame } from '../../../../core/protocol/frame.ts'
import { breach, departure } from '../../violation.ts'
import type { Case } from '../transport-case.ts'

const ORDER = 'Wire.write MUST bring all frames, in their order, each once'

/** More than any case sends. */
const NO_RATE_LIMIT = { limits: { messageRate: 100_000, messageBurst: 100_000 } }

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

export const messages: readonly Case[] = [
  {
    name: 'messages arrive in the order in which they were published, all of them, each once',
    async run(trial) {
      const server = await trial.start()
      const peer = await server.join()
      await peer.subscribe('numbers')
      const sent: { number: number; fill: string }[] = []
      while (sent.length < 400) {
        for (let burst = 1 + trial.random.below(30); burst > 0; burst--) {
          const message = { number: sent.length, fill: 'x'.repeat(trial.random.below(300)) }
          sent.push(message)
          await server.app.publish('numbers', message)
        }
        // A turn of the event loop: what comes later leaves in another write.
        if (trial.random.below(2)) await new Promise(setImmediate)
      }
      await peer.untilOn('numbers', sent, ORDER)
      await peer.call('echo')
      peer.expectOn('numbers', sent, ORDER)
    },
  },
  {
    name: 'what a peer sends reaches the handlers in the order of sending, all of it, each once',
    async run(trial) {
      const server = await trial.start(NO_RATE_LIMIT)
      const heard: unknown[] = []
      server.app.handle('number', (_ctx, payload) => void heard.push(payload))
      const peer = await server.join()
      const sent = numbers(200)
      for (let next = 0; next < sent.length; ) {
        const burst = sent.slice(next, next + 1 + trial.random.below(40))
        next += burst.length
        await peer.send(...burst.map((payload) => ({ topic: 'number', payload })))
      }
      const check = () => {
        const wrong = departure(heard, sent)
        if (wrong)
          throw breach('Each frame of the peer MUST be passed to session.receive, in order, once', wrong)
      }
      await trial.until(check)
      await peer.call('echo')
      check()
    },
  },
  {
    name: 'replies and messages to one session keep their order among each other',
    async run(trial) {
      const server = await trial.start(NO_RATE_LIMIT)
      server.app.handle('count', (ctx, number) => {
        ctx.session.send('counted', number)
        return number
      })
      const peer = await server.join()
      for (const number of numbers(30)) await peer.call('count', number)
      const seen = peer.frames.slice(1).map(({ type }) => type)
      const wrong = departure(
        seen,
        numbers(30).flatMap(() => [undefined, 'reply']),
      )
      if (wrong) throw breach(ORDER, wrong)
    },
  },
  {
    name: 'every call gets the reply to it, whichever is answered first',
    async run(trial) {
      const server = await trial.start(NO_RATE_LIMIT)
      const answers: (() => void)[] = []
      server.app.handle('later', async (_ctx, payload) => {
        await new Promise<void>((resolve) => answers.push(resolve))
        return { answer: payload }
      })
      const peer = await server.join()
      const ids = [7, 0, 3, 2 ** 40, 12]
      await peer.send(...ids.map((id) => ({ topic: 'later', payload: `for ${id}`, id })))
      await trial.until(() => expect(answers, 'Every call MUST reach its handler').toHaveLength(ids.length))
      for (const answer of answers.reverse()) answer()
      for (const id of ids) {
        const { payload } = await peer.reply(id)
        expect(payload, 'A reply MUST arrive under the id of its call').toEqual({ answer: `for ${id}` })
      }
    },
  },
  {
    name: 'a frame without an id is not answered',
    async run(trial) {
      const server = await trial.start()
      const peer = await server.join()
      await peer.send({ topic: 'echo', payload: 'no answer wanted' })
      await peer.call('echo', 'answer wanted')
      const replies = peer.frames.filter(({ type }) => type === 'reply')
      expect(replies, 'A frame without an id MUST be passed on without one').toHaveLength(1)
    },
  },
  {
    name: 'a message keeps its fields: the topics of its event, and its place in the history',
    async run(trial) {
      const server = await trial.start()
      const peer = await server.join()
      await peer.subscribe('orders/*')
      const topics = ['orders/7', 'users/42/orders']
      await server.app.publish({ topics, payload: 'made', client: { topic: 'order:created' } })
      await peer.untilOn('order:created', ['made'], 'A message MUST arrive under its client topic')
      const [session] = [...server.app.sessions]
      server.probe.wireOf(session).write([new Frame({ topic: 'kept', payload: 'it', seq: 124 })])
      await peer.untilOn('kept', ['it'], 'A frame that is written MUST arrive')
      const frames = peer.frames.filter((frame) => frame.type === undefined)
      expect(frames, 'A message MUST arrive with all its fields').toEqual([
        { topic: 'order:created', payload: 'made', topics },
        { topic: 'kept', payload: 'it', seq: 124 },
      ])
    },
  },
  {
    name: 'peers that subscribe to different things each get theirs, from one and the same turn',
    async run(trial) {
      const server = await trial.start()
      const wants = [['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'c'], ['c']]
      const peers = await Promise.all(wants.map(() => server.join()))
      for (const [index, peer] of peers.entries()) await peer.subscribe(...(wants[index] as string[]))
      for (let round = 0; round < 20; round++) {
        for (const topic of ['a', 'b', 'c']) await server.app.publish(topic, round)
        if (trial.random.below(2)) await new Promise(setImmediate)
      }
      for (const [index, peer] of peers.entries()) {
        for (const topic of ['a', 'b', 'c']) {
          const sent = wants[index]?.includes(topic) ? numbers(20) : []
          await peer.untilOn(
            topic,
            sent,
            `Wire.write MUST write the frames that it is given: those of '${topic}'`,
          )
        }
      }
    },
  },
  {
    name: 'the array of frames is not kept: what happens to it after the write changes nothing',
    async run(trial) {
      const server = await trial.start()
      const peer = await server.join()
      const [session] = [...server.app.sessions]
      const wire = server.probe.wireOf(session)
      const frames = numbers(3).map((payload) => new Frame({ topic: 'numbers', payload }))
      wire.write(frames)
      frames.fill(new Frame({ type: 'error', error: new RookeryError('internal').toJSON() }))
      frames.length = 1
      await peer.untilOn('numbers', numbers(3), 'Wire.write MUST NOT keep the array')
    },
  },
]
