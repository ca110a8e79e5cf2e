import { describe, expect, test } from 'vitest'
import { backoff } from '../../../client/util/backoff.ts'

const bounds = { min: 500, max: 20_000 }

/** A small seeded generator (mulberry32): the same seed gives the same run. */
const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

describe('backoff', () => {
  test.each([
    [0, 500],
    [1, 1000],
    [4, 8000],
    [5, 16_000],
    [6, 20_000],
    [5000, 20_000],
  ])('after %i failures waits less than %i ms', (failures, ceiling) => {
    expect(backoff(failures, bounds, () => 0)).toBe(0)
    expect(backoff(failures, bounds, () => 0.5)).toBe(ceiling / 2)
    expect(backoff(failures, bounds, () => 1 - Number.EPSILON)).toBeLessThan(ceiling)
  })

  test('spreads clients evenly over the whole range', () => {
    const seed = 20_240_611
    const random = seeded(seed)
    const tenths = new Array<number>(10).fill(0)
    for (let client = 0; client < 10_000; client++) {
      const tenth = Math.floor(backoff(3, bounds, random) / 400)
      tenths[tenth] = (tenths[tenth] ?? 0) + 1
    }
    for (const count of tenths) expect(count, `seed ${seed}: ${tenths}`).toBeGreaterThan(850)
    expect(tenths, `seed ${seed}`).toHaveLength(10)
  })

  test('is random by default', () => {
    expect(backoff(10, bounds)).not.toBe(backoff(10, bounds))
  })
})
