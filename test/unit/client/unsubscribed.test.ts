import { describe, expect, test, vi } from 'vitest'
import { RookeryError } from '../../../client/index.ts'
import type { ServerFrame, SubscribeFrame } from '../../../core/protocol/protocol.ts'
import { clientOf, MemoryTransport, useFakeClock } from './support.ts'

const settle = () => vi.advanceTimersByTimeAsync(0)
const error = { code: 'forbidden', message: 'This is no longer allowed' }

const taken = (...topics: string[]): ServerFrame => ({ type: 'unsubscribed', topics, error })

useFakeClock()

/** A client with two confirmed subscriptions to `a` and one to `b`. */
const start = async (transports = [new MemoryTransport()]) => {
  const transport = transports.at(-1)!
  transport.obliging = true
  const reconnect = { min: 100, max: 1_000 }
  const upgrade = { min: 1_000, max: 1_000 }
  const client = clientOf({ url: 'http://localhost:3000', transports, reconnect, upgrade })
  const errors: RookeryError[] = []
  client.on('error', (each) => errors.push(each))
  const heard: string[] = []
  const [first, second, other] = ['a', 'a', 'b'].map((pattern) =>
    client.subscribe(pattern, (payload) => heard.push(`${pattern} ${payload}`)),
  )
  await settle()
  expect([first!.state, second!.state, other!.state]).toEqual(['active', 'active', 'active'])
  return { client, transport, errors, heard, first: first!, second: second!, other: other! }
}

const asked = ({ peer }: MemoryTransport) =>
  peer.frames.flatMap((frame) => (frame.type === undefined ? [] : (frame as SubscribeFrame).topics))

describe('a subscription that the server ends', () => {
  test('fails with the reason, hears only what is addressed to it, and other subscriptions stay active', async () => {
    const { transport, first, second, other, heard, errors } = await start()
    const told = vi.fn()
    first.on('state', told)
    transport.peer.message(taken('a', 'unheard/of'))
    const coded = expect.objectContaining(error)
    expect(told.mock.calls).toEqual([['failed', coded]])
    expect([first.state, first.error, second.state, other.state]).toEqual([
      'failed',
      coded,
      'failed',
      'active',
    ])
    transport.peer.message({ topic: 'a', payload: 1 })
    transport.peer.message({ topic: 'b', payload: 2 })
    expect([heard, errors.map(({ code }) => code)]).toEqual([['a 1', 'a 1', 'b 2'], ['forbidden']])
    await expect(first.ready).resolves.toBeUndefined()
  })

  test('is not requested again, neither now nor after a reconnect', async () => {
    const { client, transport } = await start()
    transport.peer.message(taken('a'))
    await settle()
    expect(asked(transport)).toEqual(['a', 'b'])
    transport.peer.close(new RookeryError('disconnected'))
    await vi.advanceTimersByTimeAsync(100)
    expect([client.state, asked(transport)]).toEqual(['open', ['b']])
  })

  test('can be made again, also by the listener of its failure', async () => {
    const { client, transport, first } = await start()
    let again = first
    first.on('state', (state) => {
      if (state === 'failed') again = client.subscribe('a', () => {})
    })
    transport.peer.message(taken('a'))
    await settle()
    expect([again.state, asked(transport)]).toEqual(['active', ['a', 'b', 'a']])
  })

  test('is not unsubscribed again if it was cancelled just before', async () => {
    const { transport, first, second } = await start()
    first.cancel()
    second.cancel()
    transport.peer.message(taken('a'))
    await settle()
    expect([first.state, asked(transport)]).toEqual(['cancelled', ['a', 'b']])
  })

  test('keeps waiting for its own reply if its request is under way', async () => {
    const { client, transport } = await start()
    transport.obliging = false
    const sub = client.subscribe('c', () => {})
    await settle()
    transport.peer.message(taken('c'))
    expect(sub.state).toBe('pending')
    const { id } = transport.peer.frames.at(-1) as SubscribeFrame
    transport.peer.message({ type: 'reply', id: id!, error })
    expect(sub.state).toBe('failed')
  })

  test.each([
    { type: 'unsubscribed', error },
    { type: 'unsubscribed', topics: 'a', error },
    { type: 'unsubscribed', topics: ['a'] },
  ])('needs a complete frame, %o is invalid', async (frame) => {
    const { transport, first, errors } = await start()
    transport.peer.message(frame as unknown as ServerFrame)
    expect([first.state, errors]).toEqual(['active', [expect.objectContaining({ code: 'bad_frame' })]])
  })

  test('stays active if the frame came over a connection that is not in use', async () => {
    const [better, lesser] = [new MemoryTransport('better'), new MemoryTransport('lesser')]
    better.reachable = false
    const { client, first } = await start([better, lesser])
    better.reachable = true
    await vi.advanceTimersByTimeAsync(600)
    better.peer.message(taken('a'))
    expect([client.transport, asked(better), first.state]).toEqual(['lesser', ['a', 'b'], 'active'])
  })
})
