import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Lease, leadOf } from '../../../plugins/auth/token-expiry.ts'

const DAY = 24 * 3_600_000

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const start = (life: number, grace = 25_000) => {
  const said: unknown[] = []
  const began = Date.now()
  const lease = new Lease(began + life, grace, {
    ask: (expiresIn) => said.push(['ask', Date.now() - began, expiresIn]),
    end: () => said.push(['end', Date.now() - began]),
  })
  return { lease, said }
}

describe('a lease', () => {
  it('asks 30 s before its end, and ends after the grace', () => {
    const { said } = start(600_000)
    vi.advanceTimersByTime(DAY)
    expect(said).toEqual([
      ['ask', 570_000, 30_000],
      ['end', 625_000],
    ])
  })

  it.each([
    [40_000, 20_000],
    [60_000, 30_000],
    [1000, 500],
    [0, 0],
    [-5000, 0],
  ])('of %d ms asks %d ms before its end', (life, lead) => expect(leadOf(life)).toBe(lead))

  it('asks at once when it has run out already, and ends after what is left of the grace', () => {
    const { said } = start(-5000)
    vi.advanceTimersByTime(DAY)
    expect(said).toEqual([
      ['ask', 0, 0],
      ['end', 20_000],
    ])
  })

  it('that is renewed begins anew', () => {
    const { lease, said } = start(60_000)
    vi.advanceTimersByTime(50_000)
    lease.renew(Date.now() + 600_000)
    vi.advanceTimersByTime(DAY)
    expect(said).toEqual([
      ['ask', 30_000, 30_000],
      ['ask', 620_000, 30_000],
      ['end', 675_000],
    ])
  })

  it('may be longer than any timer, and leaves none behind when it is stopped', () => {
    const { lease, said } = start(60 * DAY)
    vi.advanceTimersByTime(59 * DAY)
    expect(said).toEqual([])
    vi.advanceTimersByTime(DAY)
    expect(said).toEqual([['ask', 60 * DAY - 30_000, 30_000]])
    lease.stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})
