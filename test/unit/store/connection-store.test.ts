import { RookeryError } from 'rookery/client'
import { expect, it, vi } from 'vitest'
import { ConnectionStore } from '../../../client/store/connection-store.ts'
import { useFakeClock } from '../client/support.ts'
import { createHost, watch } from './support.ts'

useFakeClock()

it('a store of the connection follows the client, with the error and the wait', async () => {
  const { client, transport } = createHost()
  const store = new ConnectionStore()
  expect(store.get()).toEqual({ state: 'idle', user: null, transport: null })
  const stop = store.follow(client)
  const { stop: unwatch } = watch(store)
  expect(store.get()).toMatchObject({ state: 'connecting', transport: 'memory' })
  await vi.advanceTimersByTimeAsync(0)
  expect(store.get()).toMatchObject({ state: 'open', user: null, error: undefined })
  transport.peer.close(new RookeryError('disconnected'))
  expect(store.get()).toMatchObject({
    state: 'waiting',
    transport: null,
    error: { code: 'disconnected' },
    retryIn: expect.any(Number),
  })
  await vi.advanceTimersByTimeAsync(500)
  expect(store.get()).toMatchObject({ state: 'open', error: undefined, retryIn: undefined })
  stop()
  unwatch()
  client.close()
  expect(store.get()).toMatchObject({ state: 'open' })
})
