import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { topicMatches } from '../../../core/topics/topic.ts'
import { Listeners } from '../../../plugins/nats/listener-index.ts'
import { BEAT_INTERVAL, BEAT_TIMEOUT, Members } from '../../../plugins/nats/live-nodes.ts'
import { Interests } from '../../../plugins/nats/ref-counted-subscriptions.ts'
import { Copies, Seniority } from '../../../plugins/nats/replay-window.ts'

const seed = Date.now() % 2 ** 31
console.log(`parts: seed ${seed}`)

const path = (...segments: readonly string[]) =>
  fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength: 3 }).map((all) => all.join('/'))
const aTopic = path('a', 'b')
const aPattern = path('a', 'b', '*')

describe('copies', () => {
  it('are known by node and id together', () => {
    const copies = new Copies()
    expect(copies.isNew('a', '1')).toBe(true)
    expect(copies.isNew('a', '1')).toBe(false)
    expect(copies.isNew('b', '1')).toBe(true)
    expect(copies.isNew('a', '2')).toBe(true)
    expect(copies.isNew('a', '1')).toBe(false)
  })

  it('are known among the last 8192 messages, and what is older is forgotten in time', () => {
    const copies = new Copies()
    const wrong: number[] = []
    for (let id = 0; id < 50_000; id++) {
      if (!copies.isNew('a', String(id))) wrong.push(id)
      if (id >= 8191 && copies.isNew('a', String(id - 8191))) wrong.push(id)
    }
    expect(wrong).toEqual([])
    expect(copies.isNew('a', '1')).toBe(true)
  })
})

describe('of the copies of a message without an id', () => {
  it('exactly one counts, whatever patterns come and go', () => {
    const steps = fc.array(fc.record({ add: fc.boolean(), pattern: aPattern }), { maxLength: 30 })
    fc.assert(
      fc.property(steps, aTopic, (all, topic) => {
        const seniority = new Seniority()
        const there = new Set<string>()
        for (const { add, pattern } of all) {
          if (add === there.has(pattern)) continue
          seniority.change(pattern, add)
          if (add) there.add(pattern)
          else there.delete(pattern)
        }
        const matching = [...there].filter((pattern) => topicMatches(pattern, topic))
        const counting = matching.filter((pattern) => seniority.isOldest(pattern, topic))
        // Sets remember the order in which their members came.
        expect(counting).toEqual(matching.slice(0, 1))
      }),
      { seed, numRuns: 1000 },
    )
  })

  it('the one that counts stays the same when subscriptions are added', () => {
    const seniority = new Seniority()
    seniority.change('a/*', true)
    for (const later of ['a/b', '*', '*/b']) {
      seniority.change(later, true)
      expect(seniority.isOldest('a/*', 'a/b')).toBe(true)
      expect(seniority.isOldest(later, 'a/b')).toBe(false)
    }
    seniority.change('a/*', false)
    expect(seniority.isOldest('a/b', 'a/b')).toBe(true)
  })
})

describe('members', () => {
  const start = () => {
    const changes: string[] = []
    const members = new Members((node, change) => changes.push(`${node} ${change}`))
    return { changes, members }
  }

  it('join with their first sign of life, and only then', () => {
    const { changes, members } = start()
    members.beat('b', 0)
    members.beat('b', 2000)
    expect(changes).toEqual(['b joined'])
    expect(members.nodes).toEqual(['b'])
  })

  it('are gone when they have been silent for six seconds, and not before', () => {
    const { changes, members } = start()
    members.beat('b', 0)
    members.beat('c', 1)
    for (const now of [0, 2000, 4000, 5999]) members.sweep(now)
    expect(changes).toEqual(['b joined', 'c joined'])
    members.sweep(BEAT_TIMEOUT)
    expect(changes.slice(2)).toEqual(['b left'])
    members.sweep(BEAT_TIMEOUT + 1)
    expect(members.nodes).toEqual([])
    members.beat('b', 7000)
    expect(changes.at(-1)).toBe('b joined')
  })

  it('leave once, whether they say so or not', () => {
    const { changes, members } = start()
    members.leave('b')
    members.beat('b', 0)
    members.leave('b')
    members.leave('b')
    expect(changes).toEqual(['b joined', 'b left'])
  })

  it('that were cut off are told only of those who are there', () => {
    const { changes, members } = start()
    members.restored('b')
    members.beat('b', 0)
    members.restored('b')
    expect(changes).toEqual(['b joined', 'b restored'])
  })

  it('get their time again when it was this process that slept', () => {
    const { changes, members } = start()
    members.beat('b', 0)
    members.sweep(0)
    members.sweep(60_000)
    expect(changes).toEqual(['b joined'])
    members.sweep(62_000)
    members.sweep(64_000)
    expect(changes).toEqual(['b joined'])
    members.sweep(66_000)
    expect(changes).toEqual(['b joined', 'b left'])
  })

  it('are given at least three beats', () => {
    expect(BEAT_TIMEOUT).toBeGreaterThanOrEqual(3 * BEAT_INTERVAL)
  })
})

describe('listeners', () => {
  it('are found as topicMatches says, for all who want a topic', () => {
    const want = fc.record({
      group: fc.constantFrom(null, 'g', 'h'),
      patterns: fc.uniqueArray(aPattern, { minLength: 1, maxLength: 3 }),
    })
    const wants = fc.array(want, { maxLength: 3 })
    const step = fc.record({ node: fc.constantFrom('self', 'b', 'c'), wants: fc.option(wants) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), aTopic, (steps, topic) => {
        const listeners = new Listeners('self')
        const model = new Map<string, readonly { group: string | null; patterns: string[] }[]>()
        for (const { node, wants } of steps) {
          if (wants) listeners.set(node, wants)
          else listeners.remove(node)
          model.set(node, wants ?? [])
        }
        const found = [...model].flatMap(([node, all]) =>
          all
            .filter(({ patterns }) => patterns.some((pattern) => topicMatches(pattern, topic)))
            .map(({ group }) => ({ node, group })),
        )
        const groups = new Map<string, boolean>()
        for (const { node, group } of found) {
          if (group !== null) groups.set(group, groups.get(group) || node !== 'self')
        }
        const others = found.some(({ node, group }) => group === null && node !== 'self')
        expect(listeners.takers(topic)).toEqual({ others, groups })
        for (const node of model.keys()) listeners.remove(node)
        expect(listeners.empty).toBe(true)
      }),
      { seed, numRuns: 1000 },
    )
  })
})

describe('interests', () => {
  const start = () => {
    const unsubscribe = vi.fn<(key: string) => void>()
    const subscribe = vi.fn((key: string) => ({ unsubscribe: () => unsubscribe(key) }))
    const interests = new Interests(subscribe as unknown as ConstructorParameters<typeof Interests>[0])
    return { interests, subscribe, unsubscribe }
  }

  it('are one subscription each, from the first who wants it to the last', () => {
    const { interests, subscribe, unsubscribe } = start()
    interests.open()
    expect([interests.change('a', true), interests.change('a', true)]).toEqual([true, false])
    expect(interests.change('b', true)).toBe(true)
    expect([interests.change('a', false), interests.change('a', false)]).toEqual([false, true])
    expect(interests.change('a', false)).toBe(false)
    expect(subscribe.mock.calls).toEqual([['a'], ['b']])
    expect(unsubscribe.mock.calls).toEqual([['a']])
    expect([...interests.keys]).toEqual(['b'])
  })

  it('that were there before the connection are subscribed to with it, in their order and once', () => {
    const { interests, subscribe } = start()
    for (const key of ['a', 'b', 'c', 'a']) interests.change(key, true)
    interests.change('b', false)
    expect(subscribe).not.toHaveBeenCalled()
    interests.open()
    interests.open()
    expect(subscribe.mock.calls).toEqual([['a'], ['c']])
  })

  it('are remembered while there is no connection', () => {
    const { interests, subscribe, unsubscribe } = start()
    interests.open()
    interests.change('a', true)
    interests.close()
    expect(unsubscribe.mock.calls).toEqual([['a']])
    interests.change('b', true)
    interests.change('a', false)
    expect(unsubscribe).toHaveBeenCalledTimes(1)
    interests.open()
    expect(subscribe.mock.calls).toEqual([['a'], ['b']])
  })

  it('end with exactly what is still wanted, whatever came before', () => {
    const step = fc.record({ key: fc.constantFrom('a', 'b', 'c'), wanted: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(40), (steps, opened) => {
        const live = new Map<string, number>()
        const count = (key: string, by: number) => live.set(key, (live.get(key) ?? 0) + by)
        const subscribe = (key: string) => {
          count(key, 1)
          return { unsubscribe: () => count(key, -1) }
        }
        const interests = new Interests(subscribe as never)
        const wants = new Map<string, number>()
        for (const [index, { key, wanted }] of steps.entries()) {
          if (index === opened) interests.open()
          const before = wants.get(key) ?? 0
          wants.set(key, Math.max(0, before + (wanted ? 1 : -1)))
          expect(interests.change(key, wanted)).toBe(wanted ? before === 0 : before === 1)
        }
        interests.open()
        for (const key of ['a', 'b', 'c']) expect(live.get(key) ?? 0).toBe((wants.get(key) ?? 0) > 0 ? 1 : 0)
      }),
      { seed, numRuns: 500 },
    )
  })
})
