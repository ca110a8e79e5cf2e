import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { within } from '../../../core/util/promises.ts'

const late = () => new Error('late')

beforeEach(() => void vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

describe('within', () => {
  it('settles as the promise does, and leaves no timer', async () => {
    expect(await within(1000, Promise.resolve(1), late)).toBe(1)
    await expect(within(1000, Promise.reject(new Error('no')), late)).rejects.toThrow('no')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('rejects when the time is over', async () => {
    const outcome = vi.fn()
    const waiting = within(1000, new Promise(() => {}), late).catch(outcome)
    await vi.advanceTimersByTimeAsync(999)
    expect(outcome).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    await waiting
    expect(outcome).toHaveBeenCalledWith(late())
  })

  it('creates the error only when the time is over', async () => {
    const timeout = vi.fn(late)
    await within(1000, Promise.resolve(), timeout)
    expect(timeout).not.toHaveBeenCalled()
  })

  it('handles a rejection that comes after the time', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    let fail = (_error: Error) => {}
    const promise = new Promise((_resolve, reject) => {
      fail = reject
    })
    const waiting = within(1000, promise, late).catch(() => {})
    await vi.advanceTimersByTimeAsync(1000)
    await waiting
    fail(new Error('too late to matter'))
    vi.useRealTimers()
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })
})
