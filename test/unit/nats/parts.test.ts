import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { topicMatches } from '../../../core/topics/topic.ts'
import { ListenerIndex } from '../../../plugins/nats/listener-index.ts'
import { HEARTBEAT_INTERVAL_MS, LiveNodes, NODE_TIMEOUT_MS } from '../../../plugins/nats/live-nodes.ts'
import { PatternAges } from '../../../plugins/nats/pattern-ages.ts'
import { RefCountedSubscriptions } from '../../../plugins/nats/ref-counted-subscriptions.ts'
import { ReplayWindow } from '../../../plugins/nats/replay-window.ts'

const seed = Date.now() % 2 ** 31
console.log(`parts: seed ${seed}`)

const path = (...segments: readonly string[]) =>
  fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength: 3 }).map((all) => all.join('/'))
const aTopic = path('a', 'b')
const aPattern = path('a', 'b', '*')

describe('the replay window', () => {
  it('recognises a repeated message by its node and id', () => {
    const window = new ReplayWindow()
    expect(window.isNew('a', '1')).toBe(true)
    expect(window.isNew('a', '1')).toBe(false)
    expect(window.isNew('b', '1')).toBe(true)
    expect(window.isNew('a', '2')).toBe(true)
    expect(window.isNew('a', '1')).toBe(false)
  })

  it('covers the last 8192 messages of a node, and takes older ids for new', () => {
    const window = new ReplayWindow()
    const wrong: number[] = []
    for (let id = 0; id < 50_000; id++) {
      if (!window.isNew('a', String(id))) wrong.push(id)
      if (id >= 8191 && window.isNew('a', String(id - 8191))) wrong.push(id)
    }
    expect(wrong).toEqual([])
    expect(window.isNew('a', '1')).toBe(true)
  })
})

describe('pattern ages', () => {
  it('choose exactly one of the patterns that match a topic, whatever patterns are added and removed', () => {
    const steps = fc.array(fc.record({ add: fc.boolean(), pattern: aPattern }), { maxLength: 30 })
    fc.assert(
      fc.property(steps, aTopic, (all, topic) => {
        const ages = new PatternAges()
        const there = new Set<string>()
        for (const { add, pattern } of all) {
          if (add === there.has(pattern)) continue
          ages.change(pattern, add)
          if (add) there.add(pattern)
          else there.delete(pattern)
        }
        const matching = [...there].filter((pattern) => topicMatches(pattern, topic))
        const counting = matching.filter((pattern) => ages.isOldest(pattern, topic))
        // A Set keeps the order of insertion.
        expect(counting).toEqual(matching.slice(0, 1))
      }),
      { seed, numRuns: 1000 },
    )
  })

  it('keep the choice when patterns are added', () => {
    const ages = new PatternAges()
    ages.change('a/*', true)
    for (const later of ['a/b', '*', '*/b']) {
      ages.change(later, true)
      expect(ages.isOldest('a/*', 'a/b')).toBe(true)
      expect(ages.isOldest(later, 'a/b')).toBe(false)
    }
    ages.change('a/*', false)
    expect(ages.isOldest('a/b', 'a/b')).toBe(true)
  })
})

describe('live nodes', () => {
  const start = () => {
    const changes: string[] = []
    const live = new LiveNodes((node, change) => changes.push(`${node} ${change}`))
    return { changes, live }
  }

  it('join with their first heartbeat only', () => {
    const { changes, live } = start()
    live.heartbeat('b', 0)
    live.heartbeat('b', 2000)
    expect(changes).toEqual(['b joined'])
    expect(live.nodes).toEqual(['b'])
  })

  it('leave after six seconds without a heartbeat, and not before', () => {
    const { changes, live } = start()
    live.heartbeat('b', 0)
    live.heartbeat('c', 1)
    for (const now of [0, 2000, 4000, 5999]) live.sweep(now)
    expect(changes).toEqual(['b joined', 'c joined'])
    live.sweep(NODE_TIMEOUT_MS)
    expect(changes.slice(2)).toEqual(['b left'])
    live.sweep(NODE_TIMEOUT_MS + 1)
    expect(live.nodes).toEqual([])
    live.heartbeat('b', 7000)
    expect(changes.at(-1)).toBe('b joined')
  })

  it('leave once', () => {
    const { changes, live } = start()
    live.leave('b')
    live.heartbeat('b', 0)
    live.leave('b')
    live.leave('b')
    expect(changes).toEqual(['b joined', 'b left'])
  })

  it('are reported as restored only while they are in the cluster', () => {
    const { changes, live } = start()
    live.restored('b')
    live.heartbeat('b', 0)
    live.restored('b')
    expect(changes).toEqual(['b joined', 'b restored'])
  })

  it('get the full time again after this process was suspended', () => {
    const { changes, live } = start()
    live.heartbeat('b', 0)
    live.sweep(0)
    live.sweep(60_000)
    expect(changes).toEqual(['b joined'])
    live.sweep(62_000)
    live.sweep(64_000)
    expect(changes).toEqual(['b joined'])
    live.sweep(66_000)
    expect(changes).toEqual(['b joined', 'b left'])
  })

  it('may miss at least two heartbeats', () => {
    expect(NODE_TIMEOUT_MS).toBeGreaterThanOrEqual(3 * HEARTBEAT_INTERVAL_MS)
  })
})

describe('the listener index', () => {
  it('finds the nodes and groups whose patterns match a topic, as topicMatches does', () => {
    const want = fc.record({
      group: fc.constantFrom(null, 'g', 'h'),
      patterns: fc.uniqueArray(aPattern, { minLength: 1, maxLength: 3 }),
    })
    const wants = fc.array(want, { maxLength: 3 })
    const step = fc.record({ node: fc.constantFrom('self', 'b', 'c'), wants: fc.option(wants) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), aTopic, (steps, topic) => {
        const index = new ListenerIndex('self')
        const model = new Map<string, readonly { group: string | null; patterns: string[] }[]>()
        for (const { node, wants } of steps) {
          if (wants) index.set(node, wants)
          else index.remove(node)
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
        expect(index.targets(topic)).toEqual({ others, groups })
        for (const node of model.keys()) index.remove(node)
        expect(index.empty).toBe(true)
      }),
      { seed, numRuns: 1000 },
    )
  })
})

describe('reference-counted subscriptions', () => {
  const start = () => {
    const unsubscribe = vi.fn<(key: string) => void>()
    const subscribe = vi.fn((key: string) => ({ unsubscribe: () => unsubscribe(key) }))
    const subscriptions = new RefCountedSubscriptions(
      subscribe as unknown as ConstructorParameters<typeof RefCountedSubscriptions>[0],
    )
    return { subscriptions, subscribe, unsubscribe }
  }

  it('subscribe once for each key, from its first use to its last', () => {
    const { subscriptions, subscribe, unsubscribe } = start()
    subscriptions.open()
    expect([subscriptions.change('a', true), subscriptions.change('a', true)]).toEqual([true, false])
    expect(subscriptions.change('b', true)).toBe(true)
    expect([subscriptions.change('a', false), subscriptions.change('a', false)]).toEqual([false, true])
    expect(subscriptions.change('a', false)).toBe(false)
    expect(subscribe.mock.calls).toEqual([['a'], ['b']])
    expect(unsubscribe.mock.calls).toEqual([['a']])
    expect([...subscriptions.keys]).toEqual(['b'])
  })

  it('subscribe once and in order to keys that were added before open()', () => {
    const { subscriptions, subscribe } = start()
    for (const key of ['a', 'b', 'c', 'a']) subscriptions.change(key, true)
    subscriptions.change('b', false)
    expect(subscribe).not.toHaveBeenCalled()
    subscriptions.open()
    subscriptions.open()
    expect(subscribe.mock.calls).toEqual([['a'], ['c']])
  })

  it('keep the counts while they are closed', () => {
    const { subscriptions, subscribe, unsubscribe } = start()
    subscriptions.open()
    subscriptions.change('a', true)
    subscriptions.close()
    expect(unsubscribe.mock.calls).toEqual([['a']])
    subscriptions.change('b', true)
    subscriptions.change('a', false)
    expect(unsubscribe).toHaveBeenCalledTimes(1)
    subscriptions.open()
    expect(subscribe.mock.calls).toEqual([['a'], ['b']])
  })

  it('end with one subscription for each key in use, after any sequence of changes', () => {
    const step = fc.record({ key: fc.constantFrom('a', 'b', 'c'), wanted: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(40), (steps, opened) => {
        const live = new Map<string, number>()
        const count = (key: string, by: number) => live.set(key, (live.get(key) ?? 0) + by)
        const subscribe = (key: string) => {
          count(key, 1)
          return { unsubscribe: () => count(key, -1) }
        }
        const subscriptions = new RefCountedSubscriptions(subscribe as never)
        const wants = new Map<string, number>()
        for (const [index, { key, wanted }] of steps.entries()) {
          if (index === opened) subscriptions.open()
          const before = wants.get(key) ?? 0
          wants.set(key, Math.max(0, before + (wanted ? 1 : -1)))
          expect(subscriptions.change(key, wanted)).toBe(wanted ? before === 0 : before === 1)
        }
        subscriptions.open()
        for (const key of ['a', 'b', 'c']) expect(live.get(key) ?? 0).toBe((wants.get(key) ?? 0) > 0 ? 1 : 0)
      }),
      { seed, numRuns: 500 },
    )
  })
})
