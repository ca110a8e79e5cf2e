import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { renewalLeadMs, TokenExpiry } from '../../../plugins/auth/token-expiry.ts'

const DAY = 24 * 3_600_000

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

describe('the expiry of a token', () => {
  it('asks for a new token 30 s before it, and ends the session after the grace period', () => {
    const { events } = start(600_000)
    vi.advanceTimersByTime(DAY)
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
  ])('in %d ms: asks %d ms before it', (remaining, lead) => expect(renewalLeadMs(remaining)).toBe(lead))

  it('asks at once for an expired token, and ends the session after the rest of the grace period', () => {
    const { events } = start(-5000)
    vi.advanceTimersByTime(DAY)
    expect(events).toEqual([
      ['renewalDue', 0, 0],
      ['expired', 20_000],
    ])
  })

  it('starts over with a new token', () => {
    const { expiry, events } = start(60_000)
    vi.advanceTimersByTime(50_000)
    expiry.renew(Date.now() + 600_000)
    vi.advanceTimersByTime(DAY)
    expect(events).toEqual([
      ['renewalDue', 30_000, 30_000],
      ['renewalDue', 620_000, 30_000],
      ['expired', 675_000],
    ])
  })

  it('may be further away than the longest timer, and leaves no timer behind when it is stopped', () => {
    const { expiry, events } = start(60 * DAY)
    vi.advanceTimersByTime(59 * DAY)
    expect(events).toEqual([])
    vi.advanceTimersByTime(DAY)
    expect(events).toEqual([['renewalDue', 60 * DAY - 30_000, 30_000]])
    expiry.stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})
