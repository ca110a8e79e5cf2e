import { beforeEach, describe, expect, it, vi } from 'vitest'
import { retryRead } from '../../../plugins/history/retry-read.ts'

const TIMEOUT_MS = 30_000

/** Reads from a store that is away, until `end` is called. */
const startRead = () => {
  let hasEnded = false
  const store = { attempts: 0 }
  const read = async () => {
    store.attempts++
    throw new Error('away')
  }
  const outcome = retryRead(read, TIMEOUT_MS, () => hasEnded).catch((error: Error) => error.message)
  return { store, outcome, end: () => (hasEnded = true) }
}

beforeEach(() => {
  vi.useFakeTimers()
  return () => vi.useRealTimers()
})

describe('a read from a store that is away', () => {
  it('is repeated at growing intervals, until its time is over', async () => {
    const { store, outcome } = startRead()
    await vi.advanceTimersByTimeAsync(50 + 100 + 200)
    expect(store.attempts).toBe(4)
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS + 1000)
    expect(await outcome).toBe('away')
    expect(store.attempts).toBeLessThan(4 + TIMEOUT_MS / 1000 + 2)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is not repeated for a session that has ended', async () => {
    const { store, outcome, end } = startRead()
    await vi.advanceTimersByTimeAsync(50)
    end()
    await vi.advanceTimersByTimeAsync(100)
    expect(await outcome).toBe('away')
    expect(store.attempts).toBe(3)
    expect(vi.getTimerCount()).toBe(0)
  })
})
