import { RookeryError } from 'rookery/client'
import { describe, expect, it, vi } from 'vitest'
import { RoomStore } from '../../../client/store/room-store.ts'
import { useFakeClock } from '../client/support.ts'
import { createHost, LINGER_MS, watch } from './support.ts'

useFakeClock()
const settle = () => vi.advanceTimersByTimeAsync(0)

const ada = { id: 'ada', name: 'Ada' }
const bob = { id: 'bob', name: 'Bob' }

/** A store with members. The test answers the frames after the first, which is the join. */
const start = async () => {
  const host = createHost()
  const { transport } = host
  transport.obliging = false
  const store = new RoomStore(host.host, '42', true)
  watch(store)
  await settle()
  const reply = async (payload?: unknown) => {
    transport.peer.message({ type: 'reply', id: transport.peer.frames.at(-1)!.id as number, payload })
    await settle()
  }
  await reply()
  const list = (members: readonly object[]) => reply({ members, total: members.length, missing: [] })
  return { ...host, store, reply, list }
}

describe('a store of a room', () => {
  it('joins with its first listener, and leaves after the linger', async () => {
    const { host, frames } = createHost()
    const store = new RoomStore(host, '42', false)
    const first = watch(store)
    await settle()
    expect(store.get()).toMatchObject({ state: 'joined', room: { name: '42' } })
    first.stop()
    const again = watch(store)
    again.stop()
    await vi.advanceTimersByTimeAsync(LINGER_MS - 1)
    expect(frames()).toEqual(['room/join'])
    await vi.advanceTimersByTimeAsync(1)
    expect(frames()).toEqual(['room/join', 'room/leave'])
  })

  it('acts as one with the other stores of the room', async () => {
    const { host, frames } = createHost()
    const stores = [1, 2, 3].map(() => new RoomStore(host, '42', false))
    for (const store of stores) watch(store)
    await settle()
    expect(new Set(stores.map((store) => store.get())).size).toBe(1)
    expect(frames()).toEqual(['room/join'])
  })

  it('joins again when the client is closed and connects again', async () => {
    const { host, client, frames } = createHost()
    const store = new RoomStore(host, '42', false)
    watch(store)
    await settle()
    client.close()
    expect(store.get()).toMatchObject({ state: 'failed', error: { code: 'client_closed' } })
    client.connect()
    await settle()
    expect(store.get()).toMatchObject({ state: 'joined', error: undefined })
    expect(store.get().room?.state).toBe('joined')
    expect(frames()).toEqual(['room/join'])
  })
})

describe('the members of a room', () => {
  it('are listed when the client has joined, and follow the events', async () => {
    const { store, publish, list } = await start()
    expect(store.get()).toMatchObject({ state: 'joined' })
    publish('rooms/42/joined', { member: bob })
    expect(store.get().members).toBeUndefined()
    await list([ada])
    expect(store.get().members).toEqual([ada, bob])
    publish('rooms/42/joined', { member: bob })
    expect(store.get().members).toEqual([ada, bob])
    publish('rooms/42/left', { member: ada })
    expect(store.get().members).toEqual([bob])
  })

  it('are listed again after a reconnect, and stay until then', async () => {
    const { store, transport, reply, list } = await start()
    await list([ada, bob])
    transport.peer.close(new RookeryError('disconnected'))
    expect(store.get()).toMatchObject({ state: 'joining', members: [ada, bob] })
    await vi.advanceTimersByTimeAsync(500)
    await reply()
    await list([bob])
    expect(store.get()).toMatchObject({ state: 'joined', members: [bob] })
  })

  it('are at most 1,000', async () => {
    const { store, publish, list } = await start()
    await list(Array.from({ length: 1_000 }, (_, n) => ({ id: `${n}`, name: `${n}` })))
    publish('rooms/42/joined', { member: bob })
    expect(store.get().members).toHaveLength(1_000)
  })

  it('that the server does not list are an error', async () => {
    const { store, transport } = await start()
    const error = { code: 'rate_limited', message: 'Too fast' }
    transport.peer.message({ type: 'reply', id: transport.peer.frames.at(-1)!.id as number, error })
    await settle()
    expect(store.get()).toMatchObject({ state: 'joined', error: { code: 'rate_limited' } })
  })
})
