import { RookeryError } from 'rookery/client'
import { describe, expect, it, vi } from 'vitest'
import { useFakeClock } from '../client/support.ts'
import { createHost, watch } from './support.ts'

useFakeClock()
const settle = () => vi.advanceTimersByTimeAsync(0)

/** A load whose calls the test settles. */
const createLoad = () => {
  const calls: { resolve(list: string[]): void; reject(error: unknown): void; signal: AbortSignal }[] = []
  const load = ({ signal }: { signal: AbortSignal }) =>
    new Promise<string[]>((resolve, reject) => calls.push({ resolve, reject, signal }))
  return { calls, load }
}

const append = (list: string[], payload: string) => (list.includes(payload) ? list : [...list, payload])

const start = async () => {
  const host = createHost()
  const { calls, load } = createLoad()
  const store = host.topic({ load, reduce: append })
  const seen = watch(store)
  await settle()
  return { ...host, calls, store, seen }
}

describe('the race between the snapshot and the stream', () => {
  it('begins to load when the server has confirmed the subscription, not before', async () => {
    const { topic, transport } = createHost()
    transport.obliging = false
    const { calls, load } = createLoad()
    watch(topic({ load }))
    await settle()
    expect(transport.peer.frames).toHaveLength(1)
    expect(calls).toHaveLength(0)
    transport.peer.message({ type: 'reply', id: transport.peer.frames[0]!.id as number })
    expect(calls).toHaveLength(1)
  })

  it('applies the messages that arrive while it loads to what was loaded, in order', async () => {
    const { calls, store, publish } = await start()
    publish('news', 'b')
    publish('news', 'c')
    expect(store.get()).toMatchObject({ data: undefined, status: 'pending' })
    calls[0]!.resolve(['a', 'b'])
    await settle()
    expect(store.get()).toMatchObject({ data: ['a', 'b', 'c'], status: 'active' })
    publish('news', 'd')
    expect(store.get().data).toEqual(['a', 'b', 'c', 'd'])
  })

  it('tells the listeners once of what was loaded and of the messages that waited', async () => {
    const { calls, seen, publish } = await start()
    for (let n = 0; n < 100; n++) publish('news', `${n}`)
    const { changes } = seen
    calls[0]!.resolve([])
    await settle()
    expect(seen.changes).toBe(changes + 1)
  })

  it('loads again after a reconnect and keeps the data until then', async () => {
    const { calls, store, transport, publish } = await start()
    calls[0]!.resolve(['a'])
    await settle()
    transport.peer.close(new RookeryError('disconnected'))
    expect(store.get()).toMatchObject({ data: ['a'], status: 'pending' })
    await vi.advanceTimersByTimeAsync(500)
    publish('news', 'c')
    expect(store.get()).toMatchObject({ data: ['a'], status: 'pending' })
    calls[1]!.resolve(['a', 'b'])
    await settle()
    expect(store.get()).toMatchObject({ data: ['a', 'b', 'c'], status: 'active' })
  })

  it('aborts a load that a lost connection overtakes, and ignores its result', async () => {
    const { calls, store, transport } = await start()
    transport.peer.close(new RookeryError('disconnected'))
    expect(calls[0]!.signal.aborted).toBe(true)
    await vi.advanceTimersByTimeAsync(500)
    calls[1]!.resolve(['new'])
    calls[0]!.resolve(['old'])
    await settle()
    expect(store.get().data).toEqual(['new'])
  })

  it('aborts the load when the store is not needed any more', async () => {
    const { calls, seen } = await start()
    seen.stop()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(calls[0]!.signal.aborted).toBe(true)
  })

  it('for a local subscription also loads again after a reconnect', async () => {
    const { topic, transport } = createHost()
    const { calls, load } = createLoad()
    const store = topic({ load, local: true })
    watch(store)
    await settle()
    calls[0]!.resolve(['a'])
    await settle()
    transport.peer.close(new RookeryError('disconnected'))
    expect(store.get().status).toBe('pending')
    await vi.advanceTimersByTimeAsync(500)
    expect(calls).toHaveLength(2)
    expect(transport.peer.frames).toEqual([])
  })
})

describe('a load that fails', () => {
  it('makes the store fail; messages are not applied until reload() succeeds', async () => {
    const { calls, store, publish } = await start()
    publish('news', 'b')
    calls[0]!.reject('no Error object')
    await settle()
    expect(store.get()).toMatchObject({
      data: undefined,
      status: 'failed',
      error: new Error('no Error object'),
    })
    publish('news', 'c')
    expect(store.get().data).toBeUndefined()
    store.get().reload()
    expect(store.get()).toMatchObject({ status: 'pending', error: undefined })
    calls[1]!.resolve(['a', 'b', 'c'])
    await settle()
    expect(store.get()).toMatchObject({ data: ['a', 'b', 'c'], status: 'active' })
  })

  it('may throw instead of rejecting', async () => {
    const { topic } = createHost()
    const store = topic({
      load: () => {
        throw new Error('thrown')
      },
    })
    watch(store)
    await settle()
    expect(store.get()).toMatchObject({ status: 'failed', error: { message: 'thrown' } })
  })

  it('ends with queue_full when more than 1,000 messages wait for it', async () => {
    const { calls, store, publish } = await start()
    for (let n = 0; n < 1_000; n++) publish('news', `${n}`)
    expect(store.get().status).toBe('pending')
    publish('news', 'one too many')
    expect(store.get()).toMatchObject({ status: 'failed', error: { code: 'queue_full' } })
    expect(calls[0]!.signal.aborted).toBe(true)
    calls[0]!.resolve([])
    await settle()
    expect(store.get().status).toBe('failed')
  })
})

describe('reduce that throws', () => {
  it('is reported, and skips only that message', async () => {
    const reported: unknown[] = []
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
    const { topic, publish } = createHost()
    const fail = new Error('in reduce')
    const reduce = (list: string[], payload: string) => {
      if (payload.startsWith('bad')) throw fail
      return [...list, payload]
    }
    const store = topic({ load: async () => ['a'], reduce })
    watch(store)
    await settle()
    for (const payload of ['bad 1', 'b']) publish('news', payload)
    store.get().reload()
    for (const payload of ['bad 2', 'c']) publish('news', payload)
    await settle()
    expect(store.get()).toMatchObject({ data: ['a', 'c'], status: 'active' })
    expect(reported).toEqual([fail, fail])
    vi.unstubAllGlobals()
  })
})
