import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { HandshakeQueue } from '../../../core/admission/handshake-queue.ts'

/** A queue whose networks have so much room, and the names of the handshakes that have proceeded. */
const open = (room: Record<string, number> = {}) => {
  const gone: string[] = []
  const queue = new HandshakeQueue((key) => room[key] ?? 0)
  const wait = (key: string, name: string) =>
    void queue.wait(key)?.then(() => {
      gone.push(name)
      room[key] = (room[key] ?? 0) - 1
    })
  return { queue, room, gone, wait }
}

describe('the handshake queue', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
  })

  it('lets a handshake begin at once while its network has room', () => {
    const { queue } = open({ a: 1, b: 0.5 })
    expect(queue.wait('a')).toBeUndefined()
    expect(queue.wait('b')).toBeInstanceOf(Promise)
    expect(queue.wait('a')).toBeUndefined()
  })

  it('lets as many handshakes proceed as fit, in order', async () => {
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

  it('keeps the order even if the network has room again', async () => {
    const { queue, room, gone, wait } = open()
    wait('a', 'first')
    room.a = 1
    expect(queue.wait('a')).toBeInstanceOf(Promise)
    await vi.advanceTimersByTimeAsync(10)
    expect(gone).toEqual(['first'])
  })

  it('ends a wait after half a second', async () => {
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

  it('ends the waits of simultaneous handshakes one after the other', async () => {
    const { gone, wait } = open()
    for (let index = 0; index < 35; index++) wait('a', `${index}`)
    await vi.advanceTimersByTimeAsync(500)
    expect(gone).toHaveLength(10)
    await vi.advanceTimersByTimeAsync(20)
    expect(gone).toHaveLength(30)
    await vi.advanceTimersByTimeAsync(10)
    expect(gone).toEqual(Array.from({ length: 35 }, (_, index) => `${index}`))
  })

  it('ends the waits of a long queue with little delay', async () => {
    const { gone, wait } = open()
    for (let index = 0; index < 10_000; index++) wait('a', `${index}`)
    await vi.advanceTimersByTimeAsync(500)
    expect(gone).toHaveLength(200)
    await vi.advanceTimersByTimeAsync(500)
    expect(gone.length).toBeGreaterThan(6000)
    await vi.advanceTimersByTimeAsync(2000)
    expect(gone).toHaveLength(10_000)
  })

  it('ends all waits when it is cleared', async () => {
    const { queue, gone, wait } = open()
    wait('a', 'first')
    wait('a', 'second')
    wait('b', 'another')
    queue.clear()
    await vi.advanceTimersByTimeAsync(0)
    expect(gone).toEqual(['first', 'second', 'another'])
    expect(vi.getTimerCount()).toBe(0)
    wait('a', 'late')
    await vi.advanceTimersByTimeAsync(500)
    expect(gone.at(-1)).toBe('late')
  })

  it('leaves no timer behind when it is empty', async () => {
    const { queue, room, wait } = open()
    wait('a', 'first')
    expect(vi.getTimerCount()).toBe(1)
    room.a = 1
    await vi.advanceTimersByTimeAsync(10)
    expect(vi.getTimerCount()).toBe(0)
    room.a = 1
    expect(queue.wait('a')).toBeUndefined()
  })
})
