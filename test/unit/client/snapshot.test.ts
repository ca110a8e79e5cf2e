import { describe, expect, test, vi } from 'vitest'
import { Snapshot } from '../../../client/messages/snapshot.ts'
import { useFakeClock } from './support.ts'

useFakeClock()

const settle = () => vi.advanceTimersByTimeAsync(0)

/** A snapshot whose loads the test ends. */
const create = () => {
  const loads: { signal: AbortSignal; resolve: () => void; reject: (error: unknown) => void }[] = []
  const delivered: unknown[] = []
  const host = {
    deliver: ({ payload }: { payload?: unknown }) => void delivered.push(payload),
    loaded: vi.fn(),
    failed: vi.fn(),
  }
  const load = ({ signal }: { signal: AbortSignal }) =>
    new Promise<void>((resolve, reject) => loads.push({ signal, resolve, reject }))
  const snapshot = new Snapshot(load, { min: 100, max: 100 }, host)
  /** As a subscription: delivers a message, or makes it wait. */
  const take = (payload: unknown) => {
    const message = { topic: 'a', payload }
    if (!snapshot.hold(message)) host.deliver(message)
  }
  return { snapshot, loads, delivered, host, take }
}

describe('the state of a subscription', () => {
  test('makes messages wait until it is loaded, and contains earlier ones', async () => {
    const { snapshot, loads, delivered, host, take } = create()
    take('before')
    snapshot.start()
    take(1)
    take(2)
    expect([delivered, snapshot.isLoading]).toEqual([[], true])
    loads[0]?.resolve()
    await settle()
    take(3)
    expect([delivered, snapshot.isLoading]).toEqual([[1, 2, 3], false])
    expect(host.loaded).toHaveBeenCalledTimes(1)
  })

  test('is loaded anew by a gap: the earlier load is aborted and its messages are dropped', async () => {
    const { snapshot, loads, delivered, take } = create()
    snapshot.start()
    take(1)
    snapshot.start()
    expect(loads.map(({ signal }) => signal.aborted)).toEqual([true, false])
    take(2)
    loads[0]?.resolve()
    await settle()
    expect(delivered).toEqual([])
    loads[1]?.resolve()
    await settle()
    expect(delivered).toEqual([2])
  })

  test('is loaded again after a failure, and messages go on waiting', async () => {
    const { snapshot, loads, delivered, host, take } = create()
    snapshot.start()
    take(1)
    loads[0]?.reject(new Error('503'))
    await settle()
    expect(host.failed).toHaveBeenCalledExactlyOnceWith(new Error('503'))
    take(2)
    await vi.advanceTimersByTimeAsync(50)
    loads[1]?.resolve()
    await settle()
    expect(delivered).toEqual([1, 2])
  })

  test.each([
    ['more than 1,000 messages', 1_001, 'x'],
    ['more than 1,000,000 characters', 10, 'x'.repeat(100_000)],
  ])('is loaded again when %s wait: the messages are dropped', async (_what, count, payload) => {
    const { snapshot, loads, delivered, take } = create()
    snapshot.start()
    for (let number = 0; number < count; number++) take(payload)
    expect(loads[0]?.signal.aborted).toBe(true)
    take('after')
    await vi.advanceTimersByTimeAsync(50)
    expect(loads).toHaveLength(2)
    loads[1]?.resolve()
    await settle()
    expect(delivered).toEqual(['after'])
  })

  test('is loaded again when the client comes back after the server has refused it', async () => {
    const { snapshot, loads, delivered, take } = create()
    snapshot.start()
    snapshot.stop()
    take('while the client was closed')
    expect(snapshot.isStarted).toBe(false)
    snapshot.start()
    loads[1]?.resolve()
    await settle()
    snapshot.stop()
    take(1)
    expect([delivered, snapshot.isStarted]).toEqual([[1], true])
  })

  test('is not loaded any more after the end of the subscription', async () => {
    const { snapshot, loads, host } = create()
    snapshot.start()
    snapshot.stop()
    expect(loads[0]?.signal.aborted).toBe(true)
    loads[0]?.reject(new Error('aborted'))
    await vi.advanceTimersByTimeAsync(1_000)
    expect([loads.length, host.failed.mock.calls]).toEqual([1, []])
  })
})
