import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { RefCountedSubscriptions } from '../../../plugins/nats/ref-counted-subscriptions.ts'

const seed = Date.now() % 2 ** 31
console.log(`reference-counted subscriptions: seed ${seed}`)

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
