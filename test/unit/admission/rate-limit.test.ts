import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RateLimit } from '../../../core/admission/rate-limit.ts'

const take = (limit: RateLimit, count: number, now: number) =>
  Array.from({ length: count }, () => limit.take(now))

describe('the rate limit', () => {
  it('accepts a burst at once, refuses as many more, then is exhausted', () => {
    const limit = new RateLimit(100, 4, 0)
    expect(take(limit, 9, 0)).toEqual([
      ...['ok', 'ok', 'ok', 'ok'],
      ...['empty', 'empty', 'empty', 'empty'],
      ...['exhausted'],
    ])
  })

  it('accepts the rate indefinitely', () => {
    const limit = new RateLimit(100, 1, 0)
    for (let now = 10; now < 100_000; now += 10) expect(limit.take(now)).toBe('ok')
  })

  it('refills up to the burst and no further, however long the pause', () => {
    const limit = new RateLimit(100, 2, 0)
    expect(take(limit, 3, 3_600_000)).toEqual(['ok', 'ok', 'empty'])
  })

  it('uses the times that are passed to it', () => {
    const limit = new RateLimit(2, 1, 1000)
    expect([1000, 1499, 2500].map((now) => limit.take(now))).toEqual(['ok', 'empty', 'ok'])
  })

  it('does not reward a flood: each refused frame increases the debt', () => {
    const limit = new RateLimit(100, 200, 0)
    let ok = 0
    for (let now = 0; now < 1000; now++) if (limit.take(now) === 'ok') ok++
    // The burst and what came in while it lasted; then nothing, although 100 a second come in.
    expect(ok).toBeLessThan(230)
    expect(limit.take(1000)).toBe('exhausted')
  })

  it('accepts in any period no more than burst and rate allow', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 200 })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 20 }),
        gaps,
        (rate, burst, waits) => {
          const limit = new RateLimit(rate, burst, 0)
          let now = 0
          let ok = 0
          for (const wait of waits) {
            now += wait
            if (limit.take(now) === 'ok') ok++
            expect(ok).toBeLessThanOrEqual(burst + (now * rate) / 1000 + 1e-6)
          }
        },
      ),
    )
  })

  it('takes many tokens at once, and distinguishes a large debt from a small one', () => {
    const limit = new RateLimit(1000, 100, 0)
    expect([60, 60, 60, 60].map((tokens) => limit.take(0, tokens))).toEqual([
      'ok',
      'empty',
      'empty',
      'exhausted',
    ])
    expect(limit.take(240, 1)).toBe('ok')
  })

  it('charges nothing for a failed tryTake', () => {
    const limit = new RateLimit(10, 2, 0)
    const tries = Array.from({ length: 50 }, () => limit.tryTake(0))
    expect(tries.filter(Boolean)).toHaveLength(2)
    expect(limit.tryTake(99)).toBe(false)
    expect(limit.tryTake(100)).toBe(true)
    expect(limit.take(100)).toBe('empty')
  })

  it('reports the available tokens, which never exceed the burst', () => {
    const limit = new RateLimit(10, 2, 0)
    limit.take(0)
    expect(limit.available(0)).toBe(1)
    limit.take(0)
    expect(limit.available(99)).toBeCloseTo(0.99)
    expect(limit.available(100)).toBe(1)
    expect(limit.available(1e6)).toBe(2)
    limit.take(100, 2)
    expect(limit.available(100)).toBe(-1)
  })
})
