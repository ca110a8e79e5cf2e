import { RookeryError } from 'rookery/client'
import { describe, expect, it, vi } from 'vitest'
import { useFakeClock } from '../client/support.ts'
import { createHost, LINGER_MS, watch } from './support.ts'

useFakeClock()
const settle = () => vi.advanceTimersByTimeAsync(0)

describe('a store of a topic', () => {
  it('has no effect before it has a listener', async () => {
    const { topic, frames } = createHost()
    const store = topic({ load: () => expect.unreachable() }, { data: 'initial' })
    await settle()
    expect(frames()).toEqual([])
    expect(store.get()).toMatchObject({ data: 'initial', status: 'pending' })
  })

  it('is active when the server has confirmed, and has the last payload', async () => {
    const { topic, publish, frames } = createHost()
    const store = topic()
    const seen = watch(store)
    await settle()
    expect(store.get()).toMatchObject({ data: undefined, status: 'active', error: undefined })
    publish('news', 'first')
    publish('news', 'second')
    expect(store.get().data).toBe('second')
    expect(seen.changes).toBe(3)
    expect(frames()).toEqual(['subscribe news'])
  })

  it('returns the same snapshot until something changes', async () => {
    const { topic, publish } = createHost()
    const store = topic({ reduce: (state: number, payload: number) => Math.max(state, payload) }, { data: 5 })
    const seen = watch(store)
    await settle()
    const snapshot = store.get()
    const { changes } = seen
    publish('news', 3)
    expect(store.get()).toBe(snapshot)
    expect(seen.changes).toBe(changes)
    publish('news', 7)
    expect(store.get()).not.toBe(snapshot)
  })

  it('uses the latest functions', async () => {
    const { topic, publish, frames } = createHost()
    const add = (factor: number) => ({ reduce: (sum: number, payload: number) => sum + factor * payload })
    const store = topic(add(1), { data: 0 })
    watch(store)
    await settle()
    publish('news', 1)
    store.configure(add(10))
    publish('news', 1)
    expect(store.get().data).toBe(11)
    expect(frames()).toEqual(['subscribe news'])
  })

  it('without a pattern asks for nothing', async () => {
    const { topic, frames } = createHost()
    const store = topic({}, { pattern: null, data: 'initial' })
    watch(store).stop()
    await vi.advanceTimersByTimeAsync(LINGER_MS)
    expect(store.get()).toMatchObject({ data: 'initial', status: 'pending' })
    expect(frames()).toEqual([])
  })
})

describe('the linger', () => {
  it('makes the way back free: no frame, and the messages meanwhile are in the state', async () => {
    const { topic, publish, frames } = createHost()
    const store = topic()
    const { stop } = watch(store)
    await settle()
    stop()
    await vi.advanceTimersByTimeAsync(LINGER_MS - 1)
    publish('news', 'meanwhile')
    const again = watch(store)
    await vi.advanceTimersByTimeAsync(LINGER_MS * 2)
    expect(store.get()).toMatchObject({ data: 'meanwhile', status: 'active' })
    expect(frames()).toEqual(['subscribe news'])
    again.stop()
  })

  it('ends with one frame that unsubscribes, and leaves no timer', async () => {
    const { topic, frames, client } = createHost()
    const store = topic()
    const { stop } = watch(store)
    await settle()
    stop()
    stop()
    await vi.advanceTimersByTimeAsync(LINGER_MS - 1)
    expect(frames()).toEqual(['subscribe news'])
    await vi.advanceTimersByTimeAsync(1)
    expect(frames()).toEqual(['subscribe news', 'unsubscribe news'])
    expect(store.get().status).toBe('pending')
    client.close()
    await vi.advanceTimersByTimeAsync(5_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends at once when the connection is lost: the store does not subscribe again', async () => {
    const { topic, transport, frames } = createHost()
    const { stop } = watch(topic())
    await settle()
    stop()
    transport.peer.close(new RookeryError('disconnected'))
    await vi.advanceTimersByTimeAsync(500)
    expect(transport.peers).toHaveLength(2)
    expect(frames()).toEqual([])
  })

  it('is zero after an error: the store tries again for the next listener', async () => {
    const { topic, frames } = createHost()
    const load = vi.fn(async () => 'loaded').mockRejectedValueOnce(new Error('no history'))
    const store = topic({ load })
    const { stop } = watch(store)
    await settle()
    expect(store.get()).toMatchObject({ status: 'failed', error: { message: 'no history' } })
    stop()
    await settle()
    watch(store)
    await settle()
    expect(store.get()).toMatchObject({ status: 'active', data: 'loaded', error: undefined })
    expect(frames()).toEqual(['subscribe news', 'unsubscribe news', 'subscribe news'])
  })
})

describe('a key', () => {
  it('makes stores act as one: one load, one call of reduce for each message', async () => {
    const { topic, publish } = createHost()
    const load = vi.fn(async () => ['a'])
    const reduce = vi.fn((list: string[], payload: string) => [...list, payload])
    const [one, other] = [topic({ load, reduce }, { key: 'list' }), topic({ load, reduce }, { key: 'list' })]
    const [first, second] = [watch(one), watch(other)]
    await settle()
    publish('news', 'b')
    expect(one.get().data).toEqual(['a', 'b'])
    expect(other.get()).toBe(one.get())
    expect([load, reduce].map(({ mock }) => mock.calls.length)).toEqual([1, 1])
    first.stop()
    publish('news', 'c')
    expect(other.get().data).toEqual(['a', 'b', 'c'])
    second.stop()
  })

  it('keeps the state for the linger, for a store that comes later', async () => {
    const { topic, publish, host } = createHost()
    const first = watch(topic({}, { key: 'last' }))
    await settle()
    publish('news', 'kept')
    first.stop()
    expect(topic({}, { key: 'last' }).get().data).toBe('kept')
    expect(topic({}, { key: 'other' }).get().data).toBeUndefined()
    await vi.advanceTimersByTimeAsync(LINGER_MS)
    expect(topic({}, { key: 'last' }).get().data).toBeUndefined()
    expect(host.shared.size).toBe(0)
  })
})

describe('a client that is closed', () => {
  it('makes the store fail; when the client connects again, the store subscribes again', async () => {
    const { topic, client, frames, publish } = createHost()
    const store = topic()
    watch(store)
    await settle()
    client.close()
    expect(store.get()).toMatchObject({ status: 'failed', error: { code: 'client_closed' } })
    const late = topic()
    watch(late)
    expect(late.get()).toMatchObject({ status: 'failed', error: { code: 'client_closed' } })
    client.connect()
    await settle()
    publish('news', 'again')
    for (const { data, status, error } of [store.get(), late.get()])
      expect({ data, status, error }).toEqual({ data: 'again', status: 'active', error: undefined })
    expect(frames()).toEqual(['subscribe news'])
  })

  it('by its server makes the store fail with the reason, until the client connects again', async () => {
    const { topic, client, transport, frames } = createHost()
    const store = topic()
    watch(store)
    await settle()
    client.on('error', () => {})
    const error = { code: 'replaced', message: 'Replaced' }
    transport.peer.message({ type: 'close', error, reconnectAfter: null })
    transport.peer.close(new RookeryError('replaced'))
    await settle()
    expect(client.state).toBe('closed')
    expect(store.get()).toMatchObject({ status: 'failed', error: { code: 'replaced' } })
    client.connect()
    await settle()
    expect(store.get()).toMatchObject({ status: 'active', error: undefined })
    expect(frames()).toEqual(['subscribe news'])
  })
})

describe('a refused subscription', () => {
  it('makes the store fail with the reason, without an error event; reload() asks again', async () => {
    const { topic, client, transport, frames } = createHost()
    transport.obliging = false
    const errors: string[] = []
    client.on('error', ({ code }) => errors.push(code))
    const store = topic()
    watch(store)
    await settle()
    const refuse = (code: string) =>
      transport.peer.message({
        type: 'reply',
        id: transport.peer.frames.at(-1)!.id as number,
        payload: { topics: [], refused: [{ topic: 'news', error: { code, message: code } }] },
      })
    refuse('forbidden')
    expect(store.get()).toMatchObject({ status: 'failed', error: { code: 'forbidden' } })
    transport.obliging = true
    store.get().reload()
    expect(store.get()).toMatchObject({ status: 'pending', error: undefined })
    await settle()
    expect(store.get()).toMatchObject({ status: 'active', error: undefined })
    expect(frames()).toEqual(['subscribe news', 'subscribe news'])
    expect(errors).toEqual([])
  })
})
