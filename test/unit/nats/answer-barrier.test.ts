import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Fences } from '../../../plugins/nats/answer-barrier.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const start = () => {
  let count = 0
  const sent: string[] = []
  const fences = new Fences(
    () => ++count,
    (id) => sent.push(id),
  )
  /** Something that was sent just now. */
  const waiting = () => {
    const passed: string[] = []
    return { number: ++count, passed: (node: string) => void passed.push(node), by: passed }
  }
  return { fences, sent, waiting }
}

describe('a fence', () => {
  it('is sent at once when none was lately, and tells who has passed it', () => {
    const { fences, sent, waiting } = start()
    const one = waiting()
    fences.join(one)
    expect(sent).toEqual(['2'])
    fences.answered('2', 'b')
    fences.answered('2', 'c')
    fences.answered('9', 'd')
    expect(one.by).toEqual(['b', 'c'])
  })

  it('is shared by all who need one within 5 ms', () => {
    const { fences, sent, waiting } = start()
    fences.join(waiting())
    const others = Array.from({ length: 100 }, waiting)
    for (const one of others) fences.join(one)
    expect(sent).toHaveLength(1)
    vi.advanceTimersByTime(5)
    expect(sent).toHaveLength(2)
    fences.answered(sent[1] as string, 'b')
    expect(others.every(({ by }) => by.length === 1)).toBe(true)
  })

  it('stands only for what was sent before it', () => {
    const { fences, sent, waiting } = start()
    const early = waiting()
    const before = waiting()
    fences.join(before)
    const after = waiting()
    fences.join(early)
    fences.join(after)
    fences.answered(sent[0] as string, 'b')
    expect([early.by, before.by, after.by]).toEqual([['b'], ['b'], []])
    vi.advanceTimersByTime(5)
    fences.answered(sent[1] as string, 'b')
    expect([early.by, before.by, after.by]).toEqual([['b'], ['b'], ['b']])
  })

  it('tells those who join late who has passed it already', () => {
    const { fences, sent, waiting } = start()
    const early = waiting()
    fences.join(waiting())
    fences.answered(sent[0] as string, 'b')
    fences.join(early)
    expect(early.by).toEqual(['b'])
  })

  it('is forgotten when nobody waits for it, and then stands for nobody', () => {
    const { fences, sent, waiting } = start()
    const early = waiting()
    const one = waiting()
    fences.join(one)
    fences.leave(one)
    fences.answered(sent[0] as string, 'b')
    expect(one.by).toEqual([])
    fences.join(early)
    vi.advanceTimersByTime(5)
    expect(sent).toHaveLength(2)
  })

  it('is not sent for those who have left meanwhile', () => {
    const { fences, sent, waiting } = start()
    fences.join(waiting())
    const late = waiting()
    fences.join(late)
    fences.leave(late)
    vi.advanceTimersByTime(5)
    expect(sent).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves no timer when all is closed, and works again after', () => {
    const { fences, sent, waiting } = start()
    fences.join(waiting())
    fences.join(waiting())
    fences.close()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(5)
    fences.join(waiting())
    expect(sent).toHaveLength(2)
  })
})
