import { describe, expect, it } from 'vitest'
import type { HistoryLimits, KeptMessage } from '../../../core/history/store.ts'
import { topicMatches } from '../../../core/topics/topic.ts'
import { MessageLog } from '../../../plugins/history/message-log.ts'
import { createRandom } from '../../../plugins/testing/random.ts'

const UNLIMITED: HistoryLimits = { maxMessages: 1e9, maxBytes: 1e9, maxAge: 1e9 }

const message = (topic: string, payload = '1') => ({ topics: [topic], topic, payload, except: null })

const topicsOf = (messages: readonly KeptMessage[] | undefined) => messages?.map(({ topic }) => topic)

/** A list of all messages: everything is a scan. */
class Model {
  messages: KeptMessage[] = []
  readonly #limits: HistoryLimits

  constructor(limits: HistoryLimits) {
    this.#limits = limits
  }

  append(kept: KeptMessage, now: number): void {
    this.messages.push(kept)
    const { maxMessages, maxAge } = this.#limits
    this.messages = this.messages.slice(-maxMessages).filter(({ time }) => time > now - maxAge)
  }

  read(patterns: readonly string[], after: number, upTo: number): KeptMessage[] {
    return this.messages.filter(
      ({ seq, topics }) =>
        seq > after &&
        seq <= upTo &&
        topics.some((topic) => patterns.some((pattern) => topicMatches(pattern, topic))),
    )
  }
}

describe('a log of messages', () => {
  it.each([1, 2, 3, 4, 5, 6])('agrees with a list that is scanned (seed %i)', (seed) => {
    const random = createRandom(seed, 'message log')
    const limits = { maxMessages: 20 + random.below(60), maxBytes: 1e9, maxAge: 30 + random.below(100) }
    const log = new MessageLog(limits)
    const model = new Model(limits)
    const segments = ['a', 'b', 'c', '$x']
    const topic = () => Array.from({ length: 1 + random.below(3) }, () => random.pick(segments)).join('/')
    const pattern = () => {
      const parts = Array.from({ length: 1 + random.below(3) }, () => random.pick([...segments, '*', '*']))
      return parts.join('/')
    }
    let now = 0
    for (let step = 0; step < 400; step++) {
      now += random.below(3)
      const topics = Array.from({ length: 1 + random.below(2) }, topic)
      const kept = log.append({ topics, topic: topics[0] as string, payload: `${step}`, except: null }, now)
      model.append(kept, now)
      const patterns = Array.from({ length: 1 + random.below(2) }, pattern)
      const after = Math.max(0, log.last - random.below(120))
      const upTo = log.last - random.below(5)
      const limit = 1 + random.below(40)
      const expected = model.read(patterns, after, upTo)
      const isGone = after + 1 < log.first && after < upTo
      expect(log.read(patterns, { after, upTo, limit })).toEqual(
        isGone ? undefined : expected.slice(0, limit),
      )
      expect(log.readLast(patterns, limit, upTo)).toEqual(model.read(patterns, 0, upTo).slice(-limit))
      const time = now - random.below(100)
      const first = model.messages.find((one) => one.time >= time)
      expect(log.before(time)).toBe((first?.seq ?? log.last + 1) - 1)
      expect([log.size, log.first]).toEqual([model.messages.length, log.last - log.size + 1])
    }
  })

  it('forgets the oldest messages when they are too many, too large or too old', () => {
    const log = new MessageLog({ maxMessages: 3, maxBytes: 1700, maxAge: 100 })
    for (const name of ['a', 'b', 'c', 'd']) log.append(message(name), 0)
    expect(topicsOf(log.read(['*'], { after: log.first - 1, upTo: 9, limit: 9 }))).toEqual(['b', 'c', 'd'])
    log.append(message('e', 'x'.repeat(1_200)), 50)
    expect(topicsOf(log.read(['*'], { after: log.first - 1, upTo: 9, limit: 9 }))).toEqual(['d', 'e'])
    log.expire(120)
    expect(topicsOf(log.read(['*'], { after: log.first - 1, upTo: 9, limit: 9 }))).toEqual(['e'])
    expect(log.read(['*'], { after: 0, upTo: 9, limit: 9 })).toBeUndefined()
    log.expire(150)
    expect([log.size, log.bytes, log.first, log.last]).toEqual([0, 0, 6, 5])
  })

  it('gives back the memory of what has left', () => {
    const log = new MessageLog({ ...UNLIMITED, maxMessages: 10 })
    for (let index = 0; index < 10_000; index++) log.append(message(`topics/${index}`), 0)
    expect(log.topics).toBe(10)
    for (let index = 0; index < 10; index++) log.append(message('one'), 0)
    expect(log.topics).toBe(1)
  })

  it('keeps its order if the clock goes back', () => {
    const log = new MessageLog({ ...UNLIMITED, maxAge: 1_000 })
    log.append(message('a'), 500)
    log.append(message('b'), 400)
    expect(log.before(500)).toBe(0)
    expect(log.before(501)).toBe(2)
  })
})
