import { describe, expect, test, vi } from 'vitest'
import { type Client, type ClientEvents, RookeryError } from '../../../client/index.ts'
import { clientOf, MemoryTransport, useFakeClock } from './support.ts'

const url = 'http://localhost:3000'
const lost = new RookeryError('disconnected')
const settle = () => vi.advanceTimersByTimeAsync(0)

useFakeClock()

/** A client with two transports, and a record of its events. */
const start = async (prepare: (first: MemoryTransport, second: MemoryTransport) => void, options = {}) => {
  const [first, second] = [new MemoryTransport('first'), new MemoryTransport('second')]
  prepare(first, second)
  const client = clientOf({
    url,
    transports: [first, second],
    reconnect: { min: 100, max: 1000 },
    upgrade: { min: 3_600_000, max: 3_600_000 },
    ...options,
  })
  const states = statesOf(client)
  await settle()
  return { client, first, second, states }
}

const statesOf = (client: Client) => {
  const states: unknown[] = []
  client.on('state', (state, { error, retryIn, transport }: ClientEvents['state'][1]) => {
    states.push([state, transport ?? retryIn, ...(error ? [error.code] : [])])
  })
  return states
}

describe('an attempt that fails', () => {
  test('leads to the next transport at once, and the events give its name and the reason', async () => {
    const { client, states } = await start((first) => {
      first.reachable = false
    })
    expect(states).toEqual([
      ['connecting', 'second', 'connection_failed'],
      ['open', 'second'],
    ])
    expect([client.state, client.transport]).toEqual(['open', 'second'])
  })

  test('because the server sends nothing does so after 2 s, however long connectTimeout is', async () => {
    const { client, first, second } = await start((first) => {
      first.silent = true
    })
    await vi.advanceTimersByTimeAsync(1_999)
    expect([client.transport, second.peers.length]).toEqual(['first', 0])
    await vi.advanceTimersByTimeAsync(1)
    expect([client.state, client.transport, first.peer.ended]).toEqual(['open', 'second', 'aborted'])
  })

  test('on every transport leads to a wait and a new round', async () => {
    const { client, first, second, states } = await start((first, second) => {
      first.reachable = second.reachable = false
    })
    expect(states).toEqual([
      ['connecting', 'second', 'connection_failed'],
      ['waiting', 50, 'connection_failed'],
    ])
    first.reachable = true
    await vi.advanceTimersByTimeAsync(50)
    expect([client.transport, first.peers.length, second.peers.length]).toEqual(['first', 2, 1])
  })

  test('because the server refuses this client leads to no other transport', async () => {
    const { client, first, second } = await start((first) => {
      first.silent = true
    })
    const error = { code: 'forbidden', message: 'No' }
    first.peer.message({ type: 'close', error, reconnectAfter: null })
    await settle()
    expect([client.state, second.peers.length]).toEqual(['closed', 0])
  })

  test('because the server asks to reconnect later is repeated over the same transport', async () => {
    const { client, first, second } = await start((first) => {
      first.silent = true
    })
    first.silent = false
    const error = { code: 'shutting_down', message: 'Bye' }
    first.peer.message({ type: 'close', error, reconnectAfter: 500 })
    await vi.advanceTimersByTimeAsync(500)
    expect([client.transport, first.peers.length, second.peers.length]).toEqual(['first', 2, 0])
  })

  test('loses no queued message', async () => {
    const { client, second } = await start((first) => {
      first.silent = true
    })
    client.send('a', 1)
    client.subscribe('b', () => {})
    await vi.advanceTimersByTimeAsync(2_000)
    expect(second.peer.frames).toEqual([
      expect.objectContaining({ type: 'subscribe', topics: ['b'] }),
      { topic: 'a', payload: 1 },
    ])
  })
})

describe('a connection that is lost soon after welcome', () => {
  const loseSoon = async (transport: MemoryTransport, times: number) => {
    for (let time = 0; time < times; time++) {
      await vi.advanceTimersByTimeAsync(1_000)
      transport.peer.close(lost)
    }
    await settle()
  }

  test('is made again over the same transport, and after the third in a row over another one', async () => {
    const { client, first, second } = await start(() => {})
    await loseSoon(first, 2)
    await vi.advanceTimersByTimeAsync(1_000)
    expect([client.transport, second.peers.length]).toEqual(['first', 0])
    await loseSoon(first, 1)
    expect([client.state, client.transport, first.peers.length]).toEqual(['open', 'second', 3])
  })

  test('causes close and state events, without a wait', async () => {
    const { client, first, states } = await start(() => {})
    await loseSoon(first, 2)
    await vi.advanceTimersByTimeAsync(1_000)
    const closes: unknown[] = []
    client.on('close', ({ error, ...rest }) => closes.push([error.code, rest]))
    states.length = 0
    await loseSoon(first, 1)
    expect(closes).toEqual([['disconnected', { willReconnect: true, retryIn: 0 }]])
    expect(states).toEqual([
      ['connecting', 'second', 'disconnected'],
      ['open', 'second'],
    ])
  })

  test('does not count if it lasted 5 s, or if the server gave a reason', async () => {
    const { first, second } = await start(() => {})
    await loseSoon(first, 2)
    await vi.advanceTimersByTimeAsync(1_000)
    const error = { code: 'shutting_down', message: 'Bye' }
    first.peer.message({ type: 'close', error, reconnectAfter: 10 })
    await vi.advanceTimersByTimeAsync(10)
    await loseSoon(first, 2)
    await vi.advanceTimersByTimeAsync(6_000)
    await loseSoon(first, 2)
    expect(second.peers).toHaveLength(0)
  })
})

test('a client that fell back reconnects over the same transport', async () => {
  const { client, first, second } = await start((first) => {
    first.reachable = false
  })
  await vi.advanceTimersByTimeAsync(6_000)
  second.peer.close(lost)
  await vi.advanceTimersByTimeAsync(100)
  expect([client.state, client.transport]).toEqual(['open', 'second'])
  expect([first.peers.length, second.peers.length]).toEqual([1, 2])
})
