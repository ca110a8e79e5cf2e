import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { renewalLeadMs, TokenExpiry } from '../../../plugins/auth/token-expiry.ts'

const DAY_MS = 24 * 3_600_000

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const start = (lifetime: number, grace = 25_000) => {
  const events: unknown[] = []
  const began = Date.now()
  const expiry = new TokenExpiry(began + lifetime, grace, {
    renewalDue: (expiresIn) => events.push(['renewalDue', Date.now() - began, expiresIn]),
    expired: () => events.push(['expired', Date.now() - began]),
  })
  return { expiry, events }
}

describe('TokenExpiry', () => {
  it('asks for a new token 30 s before the token expires, and reports the end after the grace period', () => {
    const { events } = start(600_000)
    vi.advanceTimersByTime(DAY_MS)
    expect(events).toEqual([
      ['renewalDue', 570_000, 30_000],
      ['expired', 625_000],
    ])
  })

  it.each([
    [40_000, 20_000],
    [60_000, 30_000],
    [1000, 500],
    [0, 0],
    [-5000, 0],
  ])('asks for a token that expires in %d ms %d ms ahead', (remaining, lead) =>
    expect(renewalLeadMs(remaining)).toBe(lead),
  )

  it('asks at once if the token has expired, and reports the end after the rest of the grace period', () => {
    const { events } = start(-5000)
    vi.advanceTimersByTime(DAY_MS)
    expect(events).toEqual([
      ['renewalDue', 0, 0],
      ['expired', 20_000],
    ])
  })

  it('starts over when the token is renewed', () => {
    const { expiry, events } = start(60_000)
    vi.advanceTimersByTime(50_000)
    expiry.renew(Date.now() + 600_000)
    vi.advanceTimersByTime(DAY_MS)
    expect(events).toEqual([
      ['renewalDue', 30_000, 30_000],
      ['renewalDue', 620_000, 30_000],
      ['expired', 675_000],
    ])
  })

  it('asks at most once a second, however soon a renewed token expires', () => {
    const { expiry, events } = start(4000)
    const end = Date.now() + 4000
    while (Date.now() < end + 25_000) {
      const asked = events.length
      vi.advanceTimersByTime(10)
      // The client sends the same token again and again.
      if (events.length > asked && Date.now() < end) expiry.renew(end)
    }
    expect(events.length).toBeLessThan(7)
    expect(events.at(-1)).toEqual(['expired', 29_000])
  })

  it('asks again after 5 s for a token in place of one that could not be verified', () => {
    const { expiry, events } = start(60_000, 2000)
    vi.advanceTimersByTime(30_000)
    expiry.retry()
    vi.advanceTimersByTime(5000)
    expect(events).toEqual([
      ['renewalDue', 30_000, 30_000],
      ['renewalDue', 35_000, 25_000],
    ])
    vi.advanceTimersByTime(24_000)
    expiry.retry()
    vi.advanceTimersByTime(DAY_MS)
    // A timer of 0 ms takes 1 ms.
    expect(events.at(-1)).toEqual(['expired', 62_001])
  })

  it('works for a token that expires later than the longest timer, and leaves no timer when it is stopped', () => {
    const { expiry, events } = start(60 * DAY_MS)
    vi.advanceTimersByTime(59 * DAY_MS)
    expect(events).toEqual([])
    vi.advanceTimersByTime(DAY_MS)
    expect(events).toEqual([['renewalDue', 60 * DAY_MS - 30_000, 30_000]])
    expiry.stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})
