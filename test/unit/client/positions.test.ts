import { describe, expect, test, vi } from 'vitest'
import { type ClientOptions, RookeryError, type SubscribeOptions } from '../../../client/index.ts'
import type { MessageFrame, SubscribeFrame } from '../../../core/protocol/protocol.ts'
import { clientOf, MemoryTransport, useFakeClock, welcome } from './support.ts'

useFakeClock()

const settle = () => vi.advanceTimersByTimeAsync(0)

/** A client over a transport whose server the test plays. `cursor`: of `welcome`. */
const start = async (cursor: string | undefined, options: ClientOptions = {}) => {
  const transport = new MemoryTransport('memory', { ...welcome(), ...(cursor && { cursor }) })
  const client = clientOf({ url: 'http://localhost', transports: [transport], ...options })
  const listen = (pattern: string, options?: SubscribeOptions) => {
    const heard: unknown[] = []
    const events: string[] = []
    const sub = client.subscribe(pattern, (payload) => heard.push(payload), options)
    sub.on('state', () => {})
    sub.on('recovered', () => events.push('recovered'))
    sub.on('gap', ({ reason }) => events.push(reason))
    return { sub, heard, events }
  }
  /** The requests of the last connection: what they ask for. */
  const asked = () => (transport.peer.frames as SubscribeFrame[]).map(({ topics, since }) => [topics, since])
  const reply = async (index: number, cursor?: string) => {
    await settle()
    const { id, topics } = transport.peer.frames[index] as SubscribeFrame
    transport.peer.message({ type: 'reply', id: id!, payload: { topics, ...(cursor && { cursor }) } })
    await settle()
  }
  const message = (topic: string, payload: unknown, cursor?: string, replayed?: true) => {
    const frame: MessageFrame = { topic, payload, ...(cursor && { cursor }), ...(replayed && { replayed }) }
    transport.peer.message(frame)
  }
  const reconnect = async () => {
    transport.peer.close(new RookeryError('disconnected'))
    await vi.advanceTimersByTimeAsync(50)
  }
  return { transport, client, listen, asked, reply, message, reconnect }
}

describe('a subscription that the server has not confirmed', () => {
  test('gets no kept message that another pattern brings, so that none is missing after a reconnect', async () => {
    const { listen, asked, reply, message, reconnect } = await start('c0')
    listen('*')
    await reply(0, 'c1')
    const late = listen('a')
    message('a', 1, 'c2')
    message('a', 'not kept')
    await reconnect()
    // It begins with the first message after its confirmation: this one is older.
    message('a', 2, 'c3')
    expect(asked()[0]).toEqual([['a'], undefined])
    await reply(0, 'c4')
    message('a', 3, 'c5')
    expect(late.heard).toEqual(['not kept', 3])
  })
})

describe('a subscription that was live', () => {
  test('goes on from the last position of the session, with one request for all patterns', async () => {
    const { client, transport, listen, asked, reply, message, reconnect } = await start('c0')
    const [a, b] = [listen('a'), listen('b')]
    await reply(0, 'c1')
    message('a', 1, 'c2')
    transport.peer.message({ type: 'ping', cursor: 'c3' })
    expect(client.cursor).toBe('c3')
    await reconnect()
    expect(asked()).toEqual([[['a', 'b'], 'c3']])
    message('a', 'live, and in the replay', 'c4')
    await reply(0)
    message('a', 2, 'c4', true)
    message('b', 3, 'c5', true)
    expect([a.heard, b.heard, a.events, client.cursor]).toEqual([[1, 2], [3], [], 'c3'])
    transport.peer.message({ type: 'replayed', recovered: true, cursor: 'c6' })
    message('a', 4, 'c7')
    expect([a.heard, b.heard, a.events, client.cursor]).toEqual([[1, 2, 4], [3], ['recovered'], 'c7'])
  })

  test('goes on from the middle of its replay when that was cut, and others from their own place', async () => {
    const { transport, listen, asked, reply, message, reconnect } = await start('c0')
    listen('a')
    await reply(0, 'c9')
    const earliest = listen('a', { since: 'earliest' })
    await reply(1)
    message('a', 1, 'c1', true)
    await reconnect()
    expect(asked()).toEqual([[['a'], 'c9']])
    await reply(0)
    transport.peer.message({ type: 'replayed', recovered: true, cursor: 'c9' })
    expect(asked()[1]).toEqual([['a'], 'c1'])
    await reply(1)
    message('a', 2, 'c2', true)
    expect(earliest.heard).toEqual([1, 2])
  })

  test('keeps its position when the server refuses the resume for now', async () => {
    const { transport, listen, asked, reply, reconnect } = await start('c0')
    listen('a')
    await reply(0, 'c1')
    await reconnect()
    const { id } = transport.peer.frames[0] as SubscribeFrame
    const error = { code: 'rate_limited', message: 'No', retryable: true }
    transport.peer.message({ type: 'reply', id: id!, error })
    await vi.advanceTimersByTimeAsync(50)
    expect(asked()).toEqual([
      [['a'], 'c1'],
      [['a'], 'c1'],
    ])
  })

  test('gets a gap when the server tells without a replay that it has lost messages', async () => {
    const { client, transport, listen, reply, message } = await start('c0')
    const one = listen('a')
    await reply(0, 'c1')
    transport.peer.message({ type: 'replayed', recovered: false, reason: 'expired', cursor: 'c5' })
    message('a', 1, 'c6')
    expect([one.events, one.heard, client.cursor]).toEqual([['expired'], [1], 'c6'])
  })

  test('gets a gap after a reconnect to a server without history, which never sees `since`', async () => {
    const { client, listen, asked, reply, reconnect } = await start(undefined)
    const one = listen('a')
    await reply(0)
    expect(one.events).toEqual([])
    await reconnect()
    await reply(0)
    expect([asked(), one.events, client.cursor]).toEqual([[[['a'], undefined]], ['unavailable'], null])
  })
})

describe('a subscription with since', () => {
  test.each([
    ['has a request of its own', { last: 3 }, { last: 3 }],
    ['gets milliseconds from a duration', { ago: '1.5s' }, { ago: 1500 }],
    ['of a cursor', 'abc', 'abc'],
  ] as const)('%s', async (_what, since, sent) => {
    const { listen, asked, reply } = await start('c0')
    listen('a')
    await reply(0, 'c1')
    const one = listen('a', { since })
    await settle()
    expect(asked()[1]).toEqual([['a'], sent])
    expect(one.sub.state).toBe('pending')
  })

  test('alone gets the replay; messages without a position reach it always', async () => {
    const { transport, listen, reply, message } = await start('c0')
    const live = listen('a')
    await reply(0, 'c1')
    const one = listen('a', { since: { last: 1 } })
    await settle()
    message('a', 'not kept')
    message('a', 'kept', 'c2')
    await reply(1)
    message('a', 'kept', 'c2', true)
    transport.peer.message({ type: 'replayed', recovered: false, reason: 'limit', cursor: 'c3' })
    expect([live.heard, one.heard]).toEqual([
      ['not kept', 'kept'],
      ['not kept', 'kept'],
    ])
    expect([live.events, one.events]).toEqual([[], ['limit']])
  })

  test('does not wait forever for an older server, which ends no replay', async () => {
    const { listen, reply, message } = await start(undefined)
    const [one, two] = [listen('a', { since: 'earliest' }), listen('b', { since: { last: 1 } })]
    await reply(0)
    await reply(1)
    expect([one.events, two.events, two.sub.state]).toEqual([['unavailable'], [], 'active'])
    await vi.advanceTimersByTimeAsync(10_000)
    message('a', 1)
    expect([one.heard, one.events, two.events]).toEqual([[1], ['unavailable'], ['unavailable']])
  })

  test('that the server refuses fails alone', async () => {
    const { transport, listen, reply, message } = await start('c0')
    const live = listen('a')
    await reply(0, 'c1')
    const one = listen('a', { since: 'earliest' })
    one.sub.ready.catch(() => {})
    await settle()
    const { id } = transport.peer.frames[1] as SubscribeFrame
    transport.peer.message({ type: 'reply', id: id!, error: { code: 'forbidden', message: 'No' } })
    message('a', 1, 'c2')
    expect([live.sub.state, one.sub.state, live.heard]).toEqual(['active', 'failed', [1]])
  })
})

describe('the cursor of an earlier client', () => {
  test('is where subscriptions begin until the first welcome, but not those with a state', async () => {
    const { client, listen, asked } = await start('c9', { cursor: 'c1' })
    listen('a')
    listen('b', { since: 'now' })
    listen('c', { state: () => {} })
    expect(client.cursor).toBe('c1')
    await settle()
    listen('d')
    await settle()
    expect(asked()).toEqual([
      [['b', 'c'], undefined],
      [['a'], 'c1'],
      [['d'], undefined],
    ])
    expect(client.cursor).toBe('c1')
  })
})

describe('a subscription with a state', () => {
  test('reports that the state was not loaded, loads it again, and holds the cursor until then', async () => {
    const { client, listen, reply, message } = await start('c0')
    const errors: string[] = []
    client.on('error', ({ code, message }) => errors.push(`${code}: ${message}`))
    const state = vi
      .fn<() => Promise<void>>()
      .mockRejectedValueOnce(new Error('503'))
      .mockRejectedValueOnce(new RookeryError('call_timeout', 'Too late'))
      .mockResolvedValue(undefined)
    const one = listen('a', { state })
    await settle()
    expect(state).not.toHaveBeenCalled()
    await reply(0, 'c1')
    message('a', 1, 'c2')
    expect([one.heard, client.cursor]).toEqual([[], 'c0'])
    await vi.advanceTimersByTimeAsync(50)
    expect(errors).toEqual([
      'internal: The state of "a" was not loaded: Error: 503',
      'call_timeout: The state of "a" was not loaded: Too late',
    ])
    expect([one.heard, client.cursor, state.mock.calls.length]).toEqual([[1], 'c2', 3])
  })

  test('loads it again after a reconnect without history, and not after a replay', async () => {
    const { transport, listen, reply, reconnect } = await start('c0')
    const kept = vi.fn()
    listen('a', { state: kept })
    await reply(0, 'c1')
    await reconnect()
    await reply(0)
    transport.peer.message({ type: 'replayed', recovered: true, cursor: 'c1' })
    expect(kept).toHaveBeenCalledTimes(1)
    const without = await start(undefined)
    const lost = vi.fn()
    without.listen('a', { state: lost })
    await without.reply(0)
    await without.reconnect()
    await without.reply(0)
    expect(lost).toHaveBeenCalledTimes(2)
  })
})

test.each<SubscribeOptions>([
  { since: '' },
  { since: { last: 0 } },
  { since: { last: 1.5 } },
  { since: { ago: '5 minutes' as '5m' } },
  { since: { ago: -1 } },
  { since: { last: 1, ago: 1 } as unknown as { last: number } },
  { since: 5 as unknown as string },
  { since: 'earliest', local: true },
  { since: 'earliest', state: () => {} },
  { state: () => {}, local: true },
  { state: {} as () => void },
])('the options %j are refused', async (options) => {
  const { listen } = await start('c0')
  expect(() => listen('a', options)).toThrow(expect.objectContaining({ code: 'invalid_option' }))
})
