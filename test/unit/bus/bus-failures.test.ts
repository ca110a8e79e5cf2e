import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Bus } from '../../../core/bus/bus.ts'
import type { BusOptions, ListenerContext } from '../../../core/bus/listener.ts'
import { verifies } from '../../requirements.ts'
import { recordingLogger } from '../../support/app.ts'
import { deferred } from '../../support/deferred.ts'

const createBus = (options?: BusOptions) => {
  const logger = recordingLogger()
  return { bus: new Bus(logger, options), lines: logger.lines }
}

const never = () => new Promise<void>(() => {})

afterEach(() => vi.useRealTimers())

describe('publishAndWait', () => {
  it('resolves once every listener has settled', async () => {
    const { bus } = createBus()
    const first = deferred()
    const second = deferred()
    bus.subscribe('a', () => first.promise)
    bus.subscribe('a', () => second.promise)
    bus.subscribe('a', () => 'synchronous')
    const done = vi.fn()
    const waiting = bus.publishAndWait('a').then(done)
    first.resolve()
    await new Promise(setImmediate)
    expect(done).not.toHaveBeenCalled()
    second.resolve()
    await waiting
    expect(done).toHaveBeenCalledOnce()
  })

  it('resolves without listeners, and after the only listener has cancelled', async () => {
    const { bus } = createBus()
    await bus.publishAndWait('a')
    const subscription = bus.subscribe('a', never)
    const waiting = bus.publishAndWait('a')
    subscription.cancel()
    await waiting
  })

  it('resolves even if listeners fail', async () => {
    const { bus } = createBus()
    bus.subscribe('a', () => Promise.reject(new Error('no')))
    bus.subscribe('a', () => {
      throw new Error('no')
    })
    await bus.publishAndWait('a')
  })

  it('may be awaited inside a listener', async () => {
    const { bus } = createBus()
    const inner = vi.fn()
    bus.subscribe('a', () => bus.publishAndWait('b'))
    bus.subscribe('b', inner)
    await bus.publishAndWait('a')
    expect(inner).toHaveBeenCalledOnce()
  })
})

describe('a listener that fails', () => {
  const throwing = () => {
    throw new Error('thrown')
  }
  const hostile = {
    // biome-ignore lint/suspicious/noThenProperty: a thenable that misbehaves is the point
    get then(): never {
      throw new Error('a then that throws')
    },
  }
  const breaking = {
    // biome-ignore lint/suspicious/noThenProperty: a thenable that misbehaves is the point
    then() {
      throw new Error('a thenable that breaks')
    },
  }

  it.each([
    ['throws', throwing, 'thrown'],
    ['rejects', async () => throwing(), 'thrown'],
    ['returns a thenable that cannot be read', () => hostile, 'a then that throws'],
    ['returns a thenable that breaks', () => breaking, 'a thenable that breaks'],
  ])('affects no other listener, and is logged with its cause: %s', async (_what, listener, message) => {
    const { bus, lines } = createBus()
    const [before, after] = [vi.fn(), vi.fn()]
    bus.subscribe('a', before)
    bus.subscribe('a', listener)
    bus.subscribe('a', after)
    await bus.publishAndWait('a')
    await bus.publishAndWait('a')
    expect(before).toHaveBeenCalledTimes(2)
    expect(after).toHaveBeenCalledTimes(2)
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatchObject({ level: 'error', stage: 'listener', topics: ['a'], err: { message } })
  })
})

describe('a listener with a time limit', () => {
  beforeEach(() => void vi.useFakeTimers())

  it('gets an aborted signal after 5 s, is logged, and then no longer delays publishAndWait', async () => {
    const { bus, lines } = createBus()
    let ctx: ListenerContext | undefined
    bus.subscribe('a', (_event, context) => {
      ctx = context
      return never()
    })
    const done = vi.fn()
    const waiting = bus.publishAndWait('a').then(done)
    await vi.advanceTimersByTimeAsync(4999)
    expect(ctx?.signal.aborted).toBe(false)
    expect(done).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    await waiting
    expect(ctx?.signal.aborted).toBe(true)
    expect(ctx?.signal.reason).toMatchObject({ code: 'listener_timeout' })
    expect(lines).toMatchObject([{ level: 'error', err: { code: 'listener_timeout' } }])
  })

  it('has listenerTimeout as its limit, and 5 s if that is undefined', async () => {
    for (const [listenerTimeout, limit] of [
      [50, 50],
      [undefined, 5000],
    ]) {
      const { bus, lines } = createBus({ listenerTimeout } as BusOptions)
      bus.subscribe('a', never)
      bus.publish('a')
      await vi.advanceTimersByTimeAsync((limit as number) - 1)
      expect(lines).toHaveLength(0)
      await vi.advanceTimersByTimeAsync(1)
      expect(lines).toHaveLength(1)
    }
  })

  it('gets an aborted signal, even if it first reads the signal after the limit', async () => {
    const { bus } = createBus({ listenerTimeout: 50 })
    let ctx: ListenerContext | undefined
    bus.subscribe('a', (_event, context) => {
      ctx = context
      return never()
    })
    bus.publish('a')
    await vi.advanceTimersByTimeAsync(50)
    expect(ctx?.signal.aborted).toBe(true)
  })

  it('is logged once, even if it rejects when its signal aborts', async () => {
    const { bus, lines } = createBus({ listenerTimeout: 50 })
    bus.subscribe('a', async (_event, { signal }) => {
      await new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      )
    })
    bus.publish('a')
    await vi.advanceTimersByTimeAsync(60)
    expect(lines).toHaveLength(1)
  })

  it('leaves no timer if it settles in time', async () => {
    const { bus } = createBus()
    bus.subscribe('a', async () => {})
    await bus.publishAndWait('a')
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a slow listener', () => {
  beforeEach(() => void vi.useFakeTimers())

  it('loses events beyond maxPending, which are counted and logged once a second', async () => {
    verifies('delivery.bus.beyond-max-pending')
    const { bus, lines } = createBus({ maxPending: 2, listenerTimeout: 60_000 })
    const listener = vi.fn(never)
    const subscription = bus.subscribe('a/*', listener)
    const publish = async (count: number) => {
      for (let number = 0; number < count; number++) bus.publish('a/b')
      await vi.advanceTimersByTimeAsync(1)
    }
    await publish(5)
    expect(listener).toHaveBeenCalledTimes(2)
    expect(subscription.dropped).toBe(3)
    expect(lines).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(998)
    expect(lines).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(lines).toMatchObject([{ level: 'warn', dropped: 3, total: 3, patterns: ['a/*'], pending: 2 }])
    await vi.advanceTimersByTimeAsync(5000)
    expect(lines).toHaveLength(1)
    await publish(4)
    await vi.advanceTimersByTimeAsync(1000)
    expect(lines[1]).toMatchObject({ dropped: 4, total: 7 })
  })

  it('gets events again after a call has settled', async () => {
    const { bus } = createBus({ maxPending: 1 })
    const first = deferred()
    const listener = vi.fn(() => first.promise)
    const subscription = bus.subscribe('a', listener)
    bus.publish('a')
    bus.publish('a')
    await vi.advanceTimersByTimeAsync(0)
    expect(subscription.dropped).toBe(1)
    first.resolve()
    await vi.advanceTimersByTimeAsync(0)
    bus.publish('a')
    await vi.advanceTimersByTimeAsync(0)
    expect(listener).toHaveBeenCalledTimes(2)
  })

  it('may have 1000 unsettled calls by default or if maxPending is undefined, and delays no other listener', async () => {
    verifies('delivery.bus.below-max-pending')
    const { bus } = createBus({ maxPending: undefined } as unknown as BusOptions)
    const other = vi.fn()
    const subscription = bus.subscribe('a', never)
    bus.subscribe('a', other)
    for (let number = 0; number < 1010; number++) bus.publish('a')
    await vi.advanceTimersByTimeAsync(1)
    expect(subscription.dropped).toBe(10)
    expect(other).toHaveBeenCalledTimes(1010)
  })

  it('logs its remaining lost events when it cancels', async () => {
    const { bus, lines } = createBus({ maxPending: 1 })
    const subscription = bus.subscribe('a', never)
    bus.publish('a')
    bus.publish('a')
    await vi.advanceTimersByTimeAsync(0)
    subscription.cancel()
    expect(lines).toMatchObject([{ level: 'warn', dropped: 1 }])
    await vi.advanceTimersByTimeAsync(2000)
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
  })
})

describe('listeners that publish in a chain', () => {
  /** Whether a timer fires while the chain runs. Gives up after 200,000 events. */
  const timerComesBefore = async (chain: (bus: Bus, publish: () => void) => void) => {
    const { bus } = createBus()
    let left = 200_000
    let timer = false
    chain(bus, () => {
      if (!timer && left-- > 0) bus.publish('a')
    })
    setTimeout(() => {
      timer = true
    }, 0)
    bus.publish('a')
    await vi.waitFor(() => expect(timer).toBe(true))
    return left > 0
  }

  it('do not block I/O and timers: synchronous listeners', async () => {
    expect(await timerComesBefore((bus, publish) => bus.subscribe('a', publish))).toBe(true)
  })

  it('do not block I/O and timers: asynchronous listeners', async () => {
    const later = (bus: Bus, publish: () => void) =>
      bus.subscribe('a', async () => {
        await Promise.resolve()
        publish()
      })
    expect(await timerComesBefore(later)).toBe(true)
  })
})

describe('a closed bus', () => {
  it('aborts running listeners without waiting for them, delivers nothing more and leaves no timer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { bus, lines } = createBus()
    let signal: AbortSignal | undefined
    bus.subscribe('a', (_event, ctx) => {
      signal = ctx.signal
      return never()
    })
    const queued = vi.fn()
    bus.subscribe('b', queued)
    const waiting = bus.publishAndWait('a')
    await vi.waitFor(() => expect(signal).toBeDefined())
    const stillQueued = bus.publishAndWait('b')
    bus.close()
    await Promise.all([waiting, stillQueued])
    expect(signal?.reason).toMatchObject({ code: 'app_stopped' })
    expect(queued).not.toHaveBeenCalled()
    bus.subscribe('b', queued)
    await bus.publishAndWait('b')
    expect(queued).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
    expect(lines).toMatchObject([
      { level: 'warn', dropped: 1, msg: expect.stringMatching(/events were dropped/) },
    ])
  })
})
