import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AnswerBarrier } from '../../../plugins/nats/answer-barrier.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const start = () => {
  let count = 0
  const sent: string[] = []
  const barrier = new AnswerBarrier(
    () => ++count,
    (id) => sent.push(id),
  )
  /** A request that was sent just now. */
  const waiter = () => {
    const passed: string[] = []
    return { sequence: ++count, passed: (node: string) => void passed.push(node), by: passed }
  }
  return { barrier, sent, waiter }
}

describe('a barrier', () => {
  it('is sent at once if none was sent within 5 ms, and tells its waiters which nodes have passed it', () => {
    const { barrier, sent, waiter } = start()
    const one = waiter()
    barrier.add(one)
    expect(sent).toEqual(['2'])
    barrier.passed('2', 'b')
    barrier.passed('2', 'c')
    barrier.passed('9', 'd')
    expect(one.by).toEqual(['b', 'c'])
  })

  it('is shared by all requests that need one within 5 ms', () => {
    const { barrier, sent, waiter } = start()
    barrier.add(waiter())
    const others = Array.from({ length: 100 }, waiter)
    for (const one of others) barrier.add(one)
    expect(sent).toHaveLength(1)
    vi.advanceTimersByTime(5)
    expect(sent).toHaveLength(2)
    barrier.passed(sent[1] as string, 'b')
    expect(others.every(({ by }) => by.length === 1)).toBe(true)
  })

  it('counts only for requests that were sent before it', () => {
    const { barrier, sent, waiter } = start()
    const early = waiter()
    const before = waiter()
    barrier.add(before)
    const after = waiter()
    barrier.add(early)
    barrier.add(after)
    barrier.passed(sent[0] as string, 'b')
    expect([early.by, before.by, after.by]).toEqual([['b'], ['b'], []])
    vi.advanceTimersByTime(5)
    barrier.passed(sent[1] as string, 'b')
    expect([early.by, before.by, after.by]).toEqual([['b'], ['b'], ['b']])
  })

  it('tells a waiter that is added later which nodes have passed it already', () => {
    const { barrier, sent, waiter } = start()
    const early = waiter()
    barrier.add(waiter())
    barrier.passed(sent[0] as string, 'b')
    barrier.add(early)
    expect(early.by).toEqual(['b'])
  })

  it('is removed with its last waiter, and then counts for no request', () => {
    const { barrier, sent, waiter } = start()
    const early = waiter()
    const one = waiter()
    barrier.add(one)
    barrier.remove(one)
    barrier.passed(sent[0] as string, 'b')
    expect(one.by).toEqual([])
    barrier.add(early)
    vi.advanceTimersByTime(5)
    expect(sent).toHaveLength(2)
  })

  it('is not sent for waiters that have been removed before', () => {
    const { barrier, sent, waiter } = start()
    barrier.add(waiter())
    const late = waiter()
    barrier.add(late)
    barrier.remove(late)
    vi.advanceTimersByTime(5)
    expect(sent).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves no timer when all waiters are cleared, and can be sent again afterwards', () => {
    const { barrier, sent, waiter } = start()
    barrier.add(waiter())
    barrier.add(waiter())
    barrier.clear()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(5)
    barrier.add(waiter())
    expect(sent).toHaveLength(2)
  })
})
