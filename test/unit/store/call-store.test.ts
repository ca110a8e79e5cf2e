import { describe, expect, it, vi } from 'vitest'
import { CallStore } from '../../../client/store/call-store.ts'
import { useFakeClock } from '../client/support.ts'
import { createHost, watch } from './support.ts'

useFakeClock()
const settle = () => vi.advanceTimersByTimeAsync(0)

/** A store whose calls the test answers, by their numbers. */
const start = async () => {
  const { client, transport } = createHost()
  transport.obliging = false
  const store = new CallStore(client, 'chat/send')
  const seen = watch(store)
  await settle()
  const idOf = (call: number) => transport.peer.frames[call]!.id as number
  const reply = async (call: number, payload: unknown) => {
    transport.peer.message({ type: 'reply', id: idOf(call), payload })
    await settle()
  }
  const refuse = async (call: number, code: string) => {
    transport.peer.message({ type: 'reply', id: idOf(call), error: { code, message: code } })
    await settle()
  }
  return { client, store, seen, reply, refuse, calls: () => transport.peer.frames.length }
}

const idle = { pending: false, error: undefined, data: undefined }

describe('a store of a call', () => {
  it('is pending until the reply, which is also the result of the promise', async () => {
    const { store, reply } = await start()
    expect(store.get()).toMatchObject(idle)
    const result = store.get().call({ text: 'hello' })
    expect(store.get()).toMatchObject({ pending: true })
    await settle()
    await reply(0, { id: '1' })
    expect(store.get()).toMatchObject({ ...idle, data: { id: '1' } })
    expect(await result).toEqual({ id: '1' })
  })

  it('has the error of a refused call, which is also the rejection of the promise', async () => {
    const { store, refuse } = await start()
    const result = store.get().call()
    await settle()
    await refuse(0, 'too_fast')
    expect(store.get()).toMatchObject({ ...idle, error: { code: 'too_fast' } })
    await expect(result).rejects.toBe(store.get().error)
  })

  it('does not make an ignored promise an unhandled rejection', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const { store, client } = await start()
    void store.get().call()
    client.close()
    await settle()
    expect(store.get()).toMatchObject({ error: { code: 'client_closed' } })
    expect(unhandled).not.toHaveBeenCalled()
    process.off('unhandledRejection', unhandled)
  })

  it('lets the last call win, whichever reply comes first', async () => {
    const { store, reply } = await start()
    const first = store.get().call('first')
    const second = store.get().call('second')
    await settle()
    await reply(1, 'second')
    expect(store.get()).toMatchObject({ ...idle, data: 'second' })
    await reply(0, 'first')
    expect(store.get()).toMatchObject({ ...idle, data: 'second' })
    expect(await Promise.all([first, second])).toEqual(['first', 'second'])
  })

  it('keeps the last reply while a later call is under way, and forgets the last error', async () => {
    const { store, reply, refuse } = await start()
    for (const answer of [() => reply(0, 'kept'), () => refuse(1, 'too_fast')]) {
      void store.get().call()
      await settle()
      await answer()
    }
    expect(store.get()).toMatchObject({ data: 'kept', error: { code: 'too_fast' } })
    void store.get().call()
    expect(store.get()).toMatchObject({ data: 'kept', error: undefined, pending: true })
  })

  it('forgets the call and its result with reset()', async () => {
    const { store, reply } = await start()
    const { call, reset } = store.get()
    const result = call()
    await settle()
    reset()
    expect(store.get()).toEqual({ ...idle, call, reset })
    await reply(0, 'late')
    expect(store.get()).toMatchObject(idle)
    expect(await result).toBe('late')
  })

  it('aborts the calls under way with abort(), except those with a signal of their own', async () => {
    const { store, reply } = await start()
    const own = store.get().call('own', { signal: new AbortController().signal })
    const result = store.get().call('other')
    await settle()
    store.abort()
    expect(store.get()).toMatchObject(idle)
    await expect(result).rejects.toMatchObject({ code: 'aborted' })
    await reply(0, 'own')
    expect(await own).toBe('own')
    const later = store.get().call()
    await settle()
    await reply(2, 'later')
    expect(await later).toBe('later')
  })
})
