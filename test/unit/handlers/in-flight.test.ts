import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { InFlight } from '../../../core/handlers/in-flight.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
})

describe('a run in flight', () => {
  it('is late after its own limit, once', () => {
    const running = new InFlight(100)
    const late: string[] = []
    running.begin(() => late.push('a'))
    vi.advanceTimersByTime(60)
    running.begin(() => late.push('b'))
    vi.advanceTimersByTime(39)
    expect(late).toEqual([])
    vi.advanceTimersByTime(1)
    expect(late).toEqual(['a'])
    vi.advanceTimersByTime(60)
    expect(late).toEqual(['a', 'b'])
    vi.advanceTimersByTime(1000)
    expect(late).toEqual(['a', 'b'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is not late if it ends in time, in whatever order runs end', () => {
    const running = new InFlight(100)
    const late: number[] = []
    const runs = [0, 1, 2, 3].map((index) => running.begin(() => late.push(index)))
    for (const index of [2, 0, 3]) running.end(runs[index]!)
    vi.advanceTimersByTime(1000)
    expect(late).toEqual([1])
  })

  it('shares one timer with all others, and leaves none after the last', () => {
    const running = new InFlight(100)
    const runs = Array.from({ length: 1000 }, () => running.begin(() => {}))
    expect(vi.getTimerCount()).toBe(1)
    for (const run of runs) running.end(run)
    vi.advanceTimersByTime(100)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is never late if the limit is Infinity', () => {
    const running = new InFlight(Number.POSITIVE_INFINITY)
    running.begin(() => expect.unreachable())
    expect(vi.getTimerCount()).toBe(0)
  })
})
