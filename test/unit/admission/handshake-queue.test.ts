import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WaitingLines } from '../../../core/admission/handshake-queue.ts'

/** Lines before doors with so much room, and who has gone on. */
const open = (room: Record<string, number> = {}) => {
  const gone: string[] = []
  const lines = new WaitingLines((key) => room[key] ?? 0)
  const wait = (key: string, name: string) =>
    void lines.wait(key)?.then(() => {
      gone.push(name)
      room[key] = (room[key] ?? 0) - 1
    })
  return { lines, room, gone, wait }
}

describe('a waiting line', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
  })

  it('keeps nobody waiting as long as there is room', () => {
    const { lines } = open({ a: 1, b: 0.5 })
    expect(lines.wait('a')).toBeUndefined()
    expect(lines.wait('b')).toBeInstanceOf(Promise)
    expect(lines.wait('a')).toBeUndefined()
  })

  it('lets as many go on as there is room for, in the order they came', async () => {
    const { room, gone, wait } = open()
    for (const name of ['first', 'second', 'third', 'fourth']) wait('a', name)
    wait('b', 'another')
    await vi.advanceTimersByTimeAsync(100)
    expect(gone).toEqual([])
    room.a = 2
    await vi.advanceTimersByTimeAsync(10)
    expect(gone).toEqual(['first', 'second'])
    room.a = 1.9
    room.b = 1
    await vi.advanceTimersByTimeAsync(10)
    expect(gone).toEqual(['first', 'second', 'third', 'another'])
  })

  it('has whoever comes later go on later, even if there is room again', async () => {
    const { lines, room, gone, wait } = open()
    wait('a', 'first')
    room.a = 1
    expect(lines.wait('a')).toBeInstanceOf(Promise)
    await vi.advanceTimersByTimeAsync(10)
    expect(gone).toEqual(['first'])
  })

  it('keeps nobody waiting for longer than half a second, whoever comes', async () => {
    const { gone, wait } = open()
    wait('a', 'first')
    await vi.advanceTimersByTimeAsync(300)
    wait('a', 'second')
    await vi.advanceTimersByTimeAsync(190)
    expect(gone).toEqual([])
    await vi.advanceTimersByTimeAsync(10)
    expect(gone).toEqual(['first'])
    await vi.advanceTimersByTimeAsync(300)
    expect(gone).toEqual(['first', 'second'])
  })

  it('has those that came at once lose their patience one after the other', async () => {
    const { gone, wait } = open()
    for (let index = 0; index < 35; index++) wait('a', `${index}`)
    await vi.advanceTimersByTimeAsync(500)
    expect(gone).toHaveLength(10)
    await vi.advanceTimersByTimeAsync(20)
    expect(gone).toHaveLength(30)
    await vi.advanceTimersByTimeAsync(10)
    expect(gone).toEqual(Array.from({ length: 35 }, (_, index) => `${index}`))
  })

  it('keeps those of a long line waiting for little longer', async () => {
    const { gone, wait } = open()
    for (let index = 0; index < 10_000; index++) wait('a', `${index}`)
    await vi.advanceTimersByTimeAsync(500)
    expect(gone).toHaveLength(200)
    await vi.advanceTimersByTimeAsync(500)
    expect(gone.length).toBeGreaterThan(6000)
    await vi.advanceTimersByTimeAsync(2000)
    expect(gone).toHaveLength(10_000)
  })

  it('lets all go on when it is cleared', async () => {
    const { lines, gone, wait } = open()
    wait('a', 'first')
    wait('a', 'second')
    wait('b', 'another')
    lines.clear()
    await vi.advanceTimersByTimeAsync(0)
    expect(gone).toEqual(['first', 'second', 'another'])
    expect(vi.getTimerCount()).toBe(0)
    wait('a', 'late')
    await vi.advanceTimersByTimeAsync(500)
    expect(gone.at(-1)).toBe('late')
  })

  it('leaves no timer behind once nobody waits', async () => {
    const { lines, room, wait } = open()
    wait('a', 'first')
    expect(vi.getTimerCount()).toBe(1)
    room.a = 1
    await vi.advanceTimersByTimeAsync(10)
    expect(vi.getTimerCount()).toBe(0)
    room.a = 1
    expect(lines.wait('a')).toBeUndefined()
  })
})
