import { describe, expect, test, vi } from 'vitest'
import { RookeryError } from '../../../client/index.ts'
import type { SubscribeFrame } from '../../../core/protocol/protocol.ts'
import { FIRST_TRY_MS, fallenBack, halfway, payloads, settle } from './fallen-back.ts'
import { clientOf, MemoryTransport, useFakeClock } from './support.ts'

const url = 'http://localhost:3000'
const lost = new RookeryError('disconnected')

useFakeClock()

describe('a better transport', () => {
  test('is tried in the background, with growing waits', async () => {
    const { client, first } = await fallenBack()
    const tries: number[] = []
    for (let second = 0; second <= 15; second++) {
      tries.push(first.peers.length - 1)
      await vi.advanceTimersByTimeAsync(1_000)
    }
    expect(tries).toEqual([0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4])
    expect([client.state, client.transport]).toEqual(['open', 'second'])
  })

  test('that does not answer has no effect on the connection in use', async () => {
    const { client, first, second } = await fallenBack()
    first.silent = true
    await vi.advanceTimersByTimeAsync(9_000)
    client.send('a', 1)
    await settle()
    expect(payloads(second.peer.frames)).toEqual([1])
    await vi.advanceTimersByTimeAsync(2_000)
    expect([first.peers.map(({ ended }) => ended), client.transport]).toEqual([
      ['closed', 'aborted'],
      'second',
    ])
  })

  test('is used once it is welcomed and has all subscriptions, and the events report it', async () => {
    const { client, first, second } = await fallenBack()
    const log: unknown[] = []
    client.on('state', (...args) => log.push(args))
    client.on('open', (connection) => log.push(connection))
    client.on('close', (end) => log.push(end))
    first.reachable = first.obliging = true
    await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
    expect(log).toEqual([
      ['open', { transport: 'first' }],
      { session: 'better', user: null, transport: 'first' },
    ])
    expect([client.transport, client.session, second.peer.ended]).toEqual(['first', 'better', 'closed'])
    expect(first.peer.frames[0]).toMatchObject({ type: 'subscribe', topics: ['n'] })
  })

  test('that refuses this client is not tried again', async () => {
    const { client, first } = await fallenBack()
    first.silent = true
    await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
    const error = { code: 'name_taken', message: 'No' }
    first.peer.message({ type: 'close', error, reconnectAfter: null })
    await vi.advanceTimersByTimeAsync(600_000)
    expect([client.transport, first.peers.length]).toEqual(['second', 2])
  })

  test('that refuses a subscription is not used', async () => {
    const { client, first, second } = await halfway()
    const { id } = first.peer.frames[0] as SubscribeFrame
    client.send('a', 1)
    first.peer.message({ type: 'reply', id: id!, error: { code: 'forbidden', message: 'No' } })
    await settle()
    expect([client.transport, first.peer.ended]).toEqual(['second', 'closed'])
    expect(payloads(second.peer.frames)).toEqual([1])
  })

  test('that does not reply to subscriptions is not used, and held messages leave after the time limit', async () => {
    const { client, first, second } = await halfway()
    client.send('a', 1)
    await vi.advanceTimersByTimeAsync(2_900)
    expect(payloads(second.peer.frames)).toEqual([])
    await vi.advanceTimersByTimeAsync(100)
    expect([client.transport, first.peer.ended]).toEqual(['second', 'closed'])
    expect(payloads(second.peer.frames)).toEqual([1])
  })

  test('that had short-lived connections is used only after 5 s', async () => {
    const first = new MemoryTransport('first')
    const second = new MemoryTransport('second')
    first.obliging = second.obliging = true
    const client = clientOf({ url, transports: [first, second], upgrade: { min: 1_000, max: 60_000 } })
    for (let time = 0; time < 3; time++) {
      await vi.advanceTimersByTimeAsync(100)
      first.peer.close(lost)
    }
    await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
    expect([client.transport, first.peers.length]).toEqual(['second', 4])
    await vi.advanceTimersByTimeAsync(4_900)
    expect(client.transport).toBe('second')
    await vi.advanceTimersByTimeAsync(100)
    expect(client.transport).toBe('first')
  })
})
