import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Heartbeat } from '../../../core/sessions/heartbeat.ts'
import { verifies } from '../../requirements.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A heartbeat, and the times of its pings and of its end. `answer` is called at each ping. */
const start = (intervals: { pingInterval: number; pingTimeout: number }, answer = (_: Heartbeat) => {}) => {
  const begin = performance.now()
  const pings: number[] = []
  const died: number[] = []
  const now = () => Math.round(performance.now() - begin)
  const heartbeat: Heartbeat = new Heartbeat(
    intervals,
    () => {
      pings.push(now())
      answer(heartbeat)
    },
    () => died.push(now()),
  )
  heartbeat.start()
  return { heartbeat, pings, died }
}

const every = (interval: number, end: number) =>
  Array.from({ length: Math.floor(end / interval) }, (_, index) => (index + 1) * interval)

describe.each([
  ['longer than', 35],
  ['equal to', 10],
  ['shorter than', 4],
])('a pingTimeout %s pingInterval', (_what, pingTimeout) => {
  const intervals = { pingInterval: 10, pingTimeout }

  it('does not delay the pings', async () => {
    verifies('protocol.ping.both-kinds')
    const { heartbeat, pings, died } = start(intervals, (one) => one.alive())
    await vi.advanceTimersByTimeAsync(100)
    expect(pings).toEqual(every(10, 100))
    expect(died).toEqual([])
    heartbeat.stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends with pingTimeout after the first ping without an answer', async () => {
    verifies('protocol.ping.timeout')
    const { died, heartbeat } = start(intervals)
    await vi.advanceTimersByTimeAsync(200)
    expect(died).toEqual([10 + pingTimeout])
    heartbeat.stop()
  })

  it('does not count for a peer that does not answer: it gets the pings, and stays', async () => {
    const { heartbeat, pings, died } = start(intervals)
    heartbeat.stop()
    heartbeat.start(false)
    await vi.advanceTimersByTimeAsync(100)
    expect(pings).toEqual(every(10, 100))
    heartbeat.stop()
    heartbeat.alive()
    await vi.advanceTimersByTimeAsync(100)
    expect([pings.length, died]).toEqual([20, []])
    heartbeat.stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves no timer if a ping ends the session', async () => {
    start(intervals, (heartbeat) => heartbeat.stop())
    await vi.advanceTimersByTimeAsync(100)
    expect(vi.getTimerCount()).toBe(0)
  })
})
