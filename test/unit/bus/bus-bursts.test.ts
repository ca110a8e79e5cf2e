import { createApp } from 'rookery'
import { MemoryCluster } from 'rookery/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Bus } from '../../../core/bus/bus.ts'
import type { BusOptions } from '../../../core/bus/listener.ts'
import { verifies } from '../../requirements.ts'
import { recordingLogger } from '../../support/app.ts'

const createBus = (options?: BusOptions) => new Bus(recordingLogger(), options)

const numbers = (count: number) => Array.from({ length: count }, (_, number) => number)

/** Functions that settle without I/O and timers, or in the same turn of the event loop. */
const settling = {
  'returns at once': async () => {},
  'awaits 100 promises': async () => {
    for (let count = 0; count < 100; count++) await Promise.resolve()
  },
  'awaits process.nextTick': () => new Promise<void>((resolve) => process.nextTick(resolve)),
  'awaits setImmediate': () => new Promise<void>((resolve) => void setImmediate(resolve)),
}

describe('a listener that keeps up', () => {
  it.each(
    Object.entries(settling).flatMap(([name, settle]) =>
      [1, 1000].map((maxPending) => [name, maxPending, settle] as const),
    ),
  )(
    'gets all events of a burst in order: one that %s, with maxPending %i',
    async (name, maxPending, settle) => {
      verifies('delivery.bus.keeps-up', 'delivery.bus.order')
      const bus = createBus({ maxPending })
      const got: unknown[] = []
      let [running, most] = [0, 0]
      const subscription = bus.subscribe('a', async ({ payload }) => {
        got.push(payload)
        most = Math.max(most, ++running)
        await settle()
        running--
      })
      // With one call at a time, each turn has one call that awaits the next turn.
      const count = name === 'awaits setImmediate' ? maxPending : 10_000
      for (const number of numbers(count)) bus.publish('a', number)
      await bus.publishAndWait('b')
      await vi.waitFor(() => expect(got.length + subscription.dropped).toBe(count))
      expect(subscription.dropped).toBe(0)
      expect(got).toEqual(numbers(count))
      expect(most).toBeLessThanOrEqual(maxPending)
    },
  )

  it('gets all events of a burst of 100,000, beside a listener that never settles', async () => {
    verifies('delivery.bus.keeps-up', 'delivery.bus.beyond-max-pending')
    const bus = createBus()
    let count = 0
    const good = bus.subscribe('a', async () => void count++)
    const stuck = bus.subscribe('a', () => new Promise(() => {}))
    for (const number of numbers(100_000)) bus.publish('a', number)
    await vi.waitFor(() => expect(count).toBe(100_000))
    await vi.waitFor(() => expect(stuck.dropped).toBe(99_000))
    expect(good.dropped).toBe(0)
    bus.close()
  })

  it('gets all events of a burst that another node publishes', async () => {
    verifies('delivery.bus.keeps-up')
    const cluster = new MemoryCluster()
    const start = async () => {
      const app = createApp({ logger: 'silent', plugins: [cluster.plugin()] })
      onTestFinished(() => app.stop())
      return app.start()
    }
    const [a, b] = [await start(), await start()]
    const got: unknown[] = []
    const listen = (source: 'all' | 'cluster') =>
      b.bus.subscribe('jobs', async ({ payload }) => void got.push([source, payload]), { source })
    const subscriptions = [listen('all'), listen('cluster')]
    for (const number of numbers(10_000)) a.bus.publish('jobs', number)
    await vi.waitFor(() => expect(got).toHaveLength(20_000))
    for (const source of ['all', 'cluster']) {
      const payloads = got.flatMap((one) => ((one as unknown[])[0] === source ? [(one as unknown[])[1]] : []))
      expect(payloads).toEqual(numbers(10_000))
    }
    expect(subscriptions.map(({ dropped }) => dropped)).toEqual([0, 0])
  })
})

describe('publishAndWait', () => {
  it('waits for a listener that gets the event later in the turn, and not for an event that is dropped', async () => {
    const bus = createBus({ maxPending: 1 })
    const done: unknown[] = []
    bus.subscribe('a', async ({ payload }) => {
      await Promise.resolve()
      done.push(payload)
    })
    await Promise.all(numbers(5).map((number) => bus.publishAndWait('a', number)))
    expect(done).toEqual(numbers(5))
    const stuck = bus.subscribe('b', () => new Promise(() => {}))
    void bus.publishAndWait('b')
    await bus.publishAndWait('b')
    expect(stuck.dropped).toBe(1)
    void bus.publish('b')
    const waiting = bus.publishAndWait('b')
    stuck.cancel()
    await waiting
    bus.close()
  })
})
