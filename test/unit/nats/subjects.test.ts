import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { assertPattern, assertTopic, topicMatches } from '../../../core/topics/topic.ts'
import { patternSubject, subjectOf, topicOf } from '../../../plugins/nats/subjects.ts'
import { connectPlain, startNats } from '../../support/nats.ts'

const PREFIXES = ['rookery', 'shop.live', 'a-b_c.topic'] as const
const seed = Date.now() % 2 ** 31
console.log(`subjects: seed ${seed}`)

/** Characters that are special in NATS, in the encoding or in topics, and a few others. */
const nasty = fc.constantFrom(
  '.',
  '>',
  '%',
  '2',
  '5',
  'E',
  'A',
  'e',
  '$',
  ':',
  'a',
  'b',
  'é',
  '👋',
  '"',
  '\\',
)
const nastySegment = fc.oneof(
  fc.string({ unit: nasty, minLength: 1, maxLength: 6 }),
  fc.constantFrom('%2E', '%2e', '%25', '%252E', '>', '.', '..', '%', '$', '$user', 'topic', 'system'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
)
const valid = (check: (text: string) => void) => (text: string) => {
  try {
    check(text)
    return true
  } catch {
    return false
  }
}
const path = (segment: fc.Arbitrary<string>) =>
  fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join('/'))
const aTopic = path(nastySegment).filter(valid(assertTopic))
const few = fc.constantFrom('a', 'b', 'a.b', '>', '$a', '%')
const aFewTopic = path(few)
const aFewPattern = path(fc.oneof(few, fc.constant('*'))).filter(valid(assertPattern))
const aPrefix = fc.constantFrom(...PREFIXES)

/** Matches tokens as NATS does. */
const natsMatches = ([want, ...wants]: readonly string[], [token, ...tokens]: readonly string[]): boolean => {
  if (want === undefined || token === undefined) return want === token
  if (want === '>') return true
  return (want === '*' || want === token) && natsMatches(wants, tokens)
}

describe('subjects', () => {
  it('decode to the topic they were made from', () => {
    fc.assert(
      fc.property(aPrefix, aTopic, (prefix, topic) => {
        expect(topicOf(prefix, subjectOf(prefix, topic))).toBe(topic)
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('differ if their topics differ', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(aTopic, aFewTopic), { maxLength: 30 }), (topics) => {
        expect(new Set(topics.map((topic) => subjectOf('rookery', topic))).size).toBe(topics.length)
      }),
      { seed, numRuns: 500 },
    )
  })

  it('are valid in NATS: no whitespace, no empty token, no wildcard', () => {
    fc.assert(
      fc.property(aPrefix, aTopic, (prefix, topic) => {
        const subject = subjectOf(prefix, topic)
        expect(subject).toMatch(/^[^\s.*>]+(\.[^\s.*>]+)*$/u)
        expect(subject.startsWith(`${prefix}.`)).toBe(true)
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('of a pattern and a topic match exactly if the pattern matches the topic', () => {
    fc.assert(
      fc.property(aPrefix, aFewPattern, aFewTopic, (prefix, pattern, topic) => {
        const matches = natsMatches(
          patternSubject(prefix, pattern).split('.'),
          subjectOf(prefix, topic).split('.'),
        )
        expect(matches).toBe(topicMatches(pattern, topic))
      }),
      { seed, numRuns: 5000 },
    )
  })

  it.each([
    ['rooms/42/messages', 'rookery.topic.rooms.42.messages'],
    ['a.b/c', 'rookery.topic.a%2Eb.c'],
    ['a>/50%', 'rookery.topic.a%3E.50%25'],
    ['$user/alice', 'rookery.system.$user.alice'],
    ['a/$b', 'rookery.topic.a.$b'],
  ])('resemble their topics: %s is %s', (topic, subject) => {
    expect(subjectOf('rookery', topic)).toBe(subject)
  })

  it.each([
    ['*', 'rookery.topic.>'],
    ['rooms/*', 'rookery.topic.rooms.>'],
    ['*/messages', 'rookery.topic.*.messages'],
    ['$user/*', 'rookery.system.$user.>'],
  ])('resemble their patterns: %s is %s', (pattern, subject) => {
    expect(patternSubject('rookery', pattern)).toBe(subject)
  })

  it('are matched by nats-server as patterns match topics', async () => {
    const server = await startNats()
    onTestFinished(() => server.stop())
    const connection = await connectPlain(server)
    const patterns = [...new Set(fc.sample(fc.oneof(aFewPattern, aTopic), { seed, numRuns: 300 }))]
    const topics = [...new Set(fc.sample(fc.oneof(aFewTopic, aTopic), { seed: seed + 1, numRuns: 500 }))]
    const delivered: string[] = []
    for (const pattern of patterns) {
      connection.subscribe(patternSubject('rookery', pattern), {
        callback: (_error, { subject }) => {
          delivered.push(`${pattern} ${topicOf('rookery', subject)}`)
        },
      })
    }
    await connection.flush()
    for (const topic of topics) connection.publish(subjectOf('rookery', topic))
    await connection.flush()
    const expected = patterns.flatMap((pattern) =>
      topics.filter((topic) => topicMatches(pattern, topic)).map((topic) => `${pattern} ${topic}`),
    )
    expect(expected.length).toBeGreaterThan(500)
    expect(delivered.sort()).toEqual(expected.sort())
  })
})
