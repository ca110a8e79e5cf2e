import { expect } from 'vitest'
import type { KeptMessage, NewMessage } from '../../../../core/history/store.ts'
import { topicMatches } from '../../../../core/topics/topic.ts'
import type { HistoryCase } from '../history-case.ts'
import { message } from '../history-node.ts'

const RANGE = 'read MUST return the oldest messages with after < seq <= upTo that match, at most `limit`'
const LAST = 'readLast MUST return the newest messages up to a number that match, in order'

const seqsOf = (messages: readonly KeptMessage[] | undefined) => messages?.map(({ seq }) => seq)

export const reads: readonly HistoryCase[] = [
  {
    name: 'read returns the oldest messages of a range, up to the limit',
    async run(context) {
      const node = await context.startNode()
      await Promise.all(Array.from({ length: 700 }, (_, n) => node.store.append(message('a', n))))
      await context.untilDelivered(node, 700)
      const read = async (after: number, upTo: number, limit: number) =>
        seqsOf(await node.store.read(['a'], { after, upTo, limit }))
      expect(await read(0, 3, 10), RANGE).toEqual([1, 2, 3])
      expect(await read(5, 9, 2), RANGE).toEqual([6, 7])
      expect(await read(255, 258, 10), RANGE).toEqual([256, 257, 258])
      expect(await read(697, 700, 10), RANGE).toEqual([698, 699, 700])
      expect(await read(700, 700, 10), RANGE).toEqual([])
      expect(await read(3, 3, 10), RANGE).toEqual([])
      expect((await read(0, 700, 1000))?.length, RANGE).toBe(700)
    },
  },
  {
    name: 'a pattern matches any topic of a message, a message is returned once, and * does not match $ topics',
    async run(context) {
      const node = await context.startNode()
      const several: NewMessage = { ...message('c'), topics: ['rooms/1', 'rooms/2', 'c'] }
      await node.append(
        message('rooms/1'),
        several,
        message('$user/ada'),
        message('rooms/2/x'),
        message('rooms'),
      )
      await context.untilDelivered(node, 5)
      const expected: [string[], number[]][] = [
        [['rooms/1'], [1, 2]],
        [
          ['rooms/2', 'c', 'rooms/*'],
          [1, 2, 4],
        ],
        [['rooms/*'], [1, 2, 4]],
        [['*'], [1, 2, 4, 5]],
        [['*/ada'], []],
        [['$user/*'], [3]],
        [
          ['*/*/x', 'rooms'],
          [4, 5],
        ],
        [[], []],
      ]
      for (const [patterns, seqs] of expected) {
        expect(seqsOf(await node.read(patterns, 0, 5)), `${RANGE} (${patterns})`).toEqual(seqs)
        expect(seqsOf(await node.store.readLast(patterns, 10, 5)), `${LAST} (${patterns})`).toEqual(seqs)
      }
    },
  },
  {
    name: 'readLast returns the newest messages up to a number, in order',
    async run(context) {
      const node = await context.startNode()
      await Promise.all(
        Array.from({ length: 600 }, (_, n) => node.store.append(message(n === 4 ? 'rare' : 'a'))),
      )
      await context.untilDelivered(node, 600)
      const rare = node.delivered.find(({ topic }) => topic === 'rare')?.seq
      const last = async (pattern: string, count: number, upTo: number) =>
        seqsOf(await node.store.readLast([pattern], count, upTo))
      expect(await last('*', 3, 600), LAST).toEqual([598, 599, 600])
      expect(await last('*', 3, 500), LAST).toEqual([498, 499, 500])
      expect(await last('*', 5, 3), LAST).toEqual([1, 2, 3])
      expect(await last('rare', 5, 600), LAST).toEqual([rare])
      expect(await last('*', 3, 0), LAST).toEqual([])
    },
  },
  {
    name: 'random reads of random messages return what the topics and the range say',
    async run(context) {
      const { random } = context
      const node = await context.startNode()
      const topic = () =>
        Array.from({ length: 1 + random.below(3) }, () => random.pick(['a', 'b', 'c', '$d'])).join('/')
      const messages = Array.from({ length: 120 }, (): NewMessage => {
        const topics = Array.from({ length: 1 + random.below(3) }, topic)
        return { ...message(topics[0] as string), topics }
      })
      await node.append(...messages)
      await context.untilDelivered(node, messages.length)
      for (let round = 0; round < 60; round++) {
        const pattern = topic()
          .split('/')
          .map((segment) => (random.below(2) ? '*' : segment))
          .join('/')
        const [after, upTo, limit] = [random.below(120), random.below(121), 1 + random.below(30)]
        const matching = messages
          .map((one, index) => ({ topics: one.topics, seq: index + 1 }))
          .filter(({ topics, seq }) => seq <= upTo && topics.some((name) => topicMatches(pattern, name)))
          .map(({ seq }) => seq)
        const expected = matching.filter((seq) => seq > after).slice(0, limit)
        const asked = `${pattern} after ${after} up to ${upTo}, limit ${limit}`
        expect(
          seqsOf(await node.store.read([pattern], { after, upTo, limit })),
          `${RANGE}: ${asked}`,
        ).toEqual(expected)
        const found = seqsOf(await node.store.readLast([pattern], limit, upTo))
        expect(found, `${LAST}: ${asked}`).toEqual(matching.slice(-limit))
      }
    },
  },
  {
    name: 'before returns the number of the last message before a time',
    async run(context) {
      const node = await context.startNode()
      await node.append(message('a', 1), message('a', 2))
      const [, second] = await node.read('a', 0, 2)
      const time = second?.time as number
      // The next message gets a later time.
      await context.until(() => expect(Date.now()).toBeGreaterThan(time + 5))
      await node.append(message('a', 3))
      await context.untilDelivered(node, 3)
      const requirement = 'before MUST return the number of the last message before a time'
      expect(await node.store.before(time + 3), requirement).toBe(2)
      expect(await node.store.before(Date.now() + 60_000), requirement).toBe(3)
      expect(await node.store.before(0), requirement).toBe(0)
    },
  },
]
