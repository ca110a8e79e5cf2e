import { expect } from 'vitest'
import { topicMatches } from '../../../../core/topics/topic.ts'
import type { Random } from '../../random.ts'
import { excerpt, mismatch, violation } from '../../violation.ts'
import type { ClusterCase } from '../cluster-case.ts'

/** JSON values that encodings and brokers tend to change. */
const PAYLOADS: readonly unknown[] = [
  null,
  undefined,
  '',
  0,
  -0.5,
  1e21,
  false,
  [],
  {},
  [null],
  [[[{ deep: { deeper: [1, { deepest: null }] } }]]],
  { '': 'empty', null: null, 'with "quotes"': '\\', nested: { list: [1, '2', false] } },
  'line\r\nbreaks\u2028and\u2029others\u0000\u001b\u007f\t',
  'Grüße 漢字 😀 👩‍👩‍👧 e\u0301 \ud800 \ufeff',
  'PUB x 5\r\nhello\r\n+OK\r\n',
  'x'.repeat(60_000),
  '漢'.repeat(20_000),
]

/** Characters that brokers, paths, patterns and encodings treat specially. */
const SPECIAL_CHARACTERS = [
  ...'.>%$_-+#?&=:;,!@^~|\\\'"`<(){}[]',
  '..',
  '$a',
  '%2F',
  '%',
  '%25',
  '_2E',
  '=2E',
  'é',
  'e\u0301',
  'ß',
  'İ',
  '漢',
  '😀',
  '\u200b',
  '\ue000',
  'a',
  'A',
  'ab',
  '7',
  '__proto__',
  'constructor',
]

const specialSegment = (random: Random): string =>
  Array.from({ length: 1 + random.below(4) }, () => random.pick(SPECIAL_CHARACTERS)).join('')

/** Distinct topics of special characters. The last ones have the maximum length. */
const specialTopics = (random: Random): string[] => {
  const topics = new Set<string>()
  while (topics.size < 60) {
    topics.add(Array.from({ length: 1 + random.below(4) }, () => specialSegment(random)).join('/'))
  }
  return [...topics, '.'.repeat(255), Array(16).fill('%.>').join('/'), `${'漢'.repeat(42)}/${'é'.repeat(64)}`]
}

/** A pattern that matches the topic, with a wildcard at a random place. */
const withWildcard = (topic: string, random: Random): string => {
  const segments = topic.split('/')
  const at = random.below(segments.length)
  if (random.below(2)) return [...segments.slice(0, at), '*'].join('/')
  return segments.map((segment, index) => (index === at ? '*' : segment)).join('/')
}

const UNCHANGED = 'A message MUST arrive as it was published'

export const contents: readonly ClusterCase[] = [
  {
    name: 'payloads of every JSON type and size arrive unchanged',
    async run(context) {
      const [a, b] = await context.startPair()
      const peer = await b.open('things/*')
      await context.settle(a, b)
      for (const [index, payload] of PAYLOADS.entries()) await a.app.publish(`things/${index}`, payload)
      await context.until(() => {
        const wrong = mismatch(peer.received(), PAYLOADS)
        if (wrong) throw violation(UNCHANGED, wrong)
      })
      const absent = peer.messages[1] as object
      expect('payload' in absent, 'An absent payload MUST stay absent').toBe(false)
      expect(peer.received()[0], 'A payload that is null MUST stay null').toBe(null)
    },
  },
  {
    name: 'topics with any characters arrive unchanged, and only where a pattern matches',
    async run(context) {
      const [a, b] = await context.startPair()
      const topics = specialTopics(context.random)
      const half = topics.filter((_topic, index) => index % 2 === 0)
      const exact = await b.open(...half)
      const patterns = topics.slice(0, 40).map((topic) => withWildcard(topic, context.random))
      const wide = await b.open(...patterns)
      await context.settle(a, b)
      for (const topic of topics) await a.app.publish(topic, topic)
      const matching = topics.filter((topic) => patterns.some((pattern) => topicMatches(pattern, topic)))
      for (const [peer, due] of [
        [exact, half],
        [wide, matching],
      ] as const) {
        await context.until(() => {
          const lost = due.filter((topic) => !peer.messages.some((message) => message.topic === topic))
          if (lost.length > 0) throw violation(UNCHANGED, `no message arrived on ${excerpt(lost)}`)
        })
      }
      await context.settle(a, b)
      for (const [peer, due] of [
        [exact, half],
        [wide, matching],
      ] as const) {
        // Sorted, because only the order within one topic is promised.
        expect(peer.messages.map(({ topic }) => topic).sort(), UNCHANGED).toEqual([...due].sort())
        for (const { topic, payload, topics: more } of peer.messages) {
          if (topic !== payload || more)
            throw violation(UNCHANGED, `${excerpt(payload)} arrived on ${excerpt(topic)}`)
        }
      }
    },
  },
  {
    name: 'a message names all topics of its event, unless the only one is its own',
    async run(context) {
      const [a, b] = await context.startPair()
      const peer = await b.open('orders/*')
      await context.settle(a, b)
      const topics = ['users/42/orders', 'orders/7']
      await a.app.publish({
        topics,
        payload: { secret: 1 },
        client: { topic: 'order:made', payload: 'made' },
      })
      await a.app.publish({ topics, payload: 'plain' })
      await a.app.publish({ topics, payload: 'renamed', client: { topic: 'orders/7' } })
      await context.until(() => expect(peer.messages, UNCHANGED).toHaveLength(3))
      expect(
        peer.messages.find(({ topic }) => topic === 'order:made'),
        UNCHANGED,
      ).toEqual({ topic: 'order:made', payload: 'made', topics })
      expect(peer.messages, UNCHANGED).toContainEqual({ topic: 'users/42/orders', payload: 'plain', topics })
      expect(peer.messages, UNCHANGED).toContainEqual({ topic: 'orders/7', payload: 'renamed', topics })
      await a.app.publish('orders/8', 'one topic')
      await context.until(() =>
        expect(peer.messages, UNCHANGED).toContainEqual({ topic: 'orders/8', payload: 'one topic' }),
      )
    },
  },
]
