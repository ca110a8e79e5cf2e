import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type Client,
  type ClientOptions,
  type ClientTransport,
  type WebSocketClass,
  websocket,
} from '../../../client/index.ts'
import { clientOf, MemoryTransport, welcome } from './support.ts'

type Handler = ((event: object) => void) | null

const NOT_ALLOWED = { code: 'origin_not_allowed', message: 'This origin is not allowed' }
const REFUSED = { error: NOT_ALLOWED, reconnectAfter: null }

/** A WebSocket as in a browser: it gives no reason when it fails. */
class FakeSocket {
  static all: FakeSocket[] = []
  onopen: Handler = null
  onmessage: Handler = null
  onerror: Handler = null
  onclose: Handler = null

  constructor(readonly url: string) {
    FakeSocket.all.push(this)
  }

  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!
  }

  send(): void {}

  close(): void {}

  welcome(): void {
    this.onopen?.({})
    this.onmessage?.({ data: JSON.stringify(welcome()) })
  }

  fail(why: object = {}): void {
    this.onerror?.(why)
    this.onclose?.({ code: 1006, reason: '' })
  }
}

const answer = vi.fn<typeof fetch>()
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  vi.stubGlobal('fetch', answer)
  FakeSocket.all = []
  answer.mockReset().mockImplementation(async () => Response.json(REFUSED, { status: 403 }))
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const start = async (more: readonly ClientTransport[] = [], options: ClientOptions = {}) => {
  const client = clientOf({
    url: 'http://localhost:3000',
    params: { username: 'ada' },
    transports: [websocket({ WebSocket: FakeSocket as unknown as WebSocketClass }), ...more],
    reconnect: { min: 100, max: 100 },
    ...options,
  })
  const log: unknown[] = []
  client.on('state', (state, { error }) => log.push(error ? `${state} ${error.code}` : state))
  client.on('error', ({ code }) => log.push(`error ${code}`))
  await settle()
  return { client, log }
}

/** The first failure, which causes no request, and the wait after it. */
const failOnce = async () => {
  FakeSocket.last.fail()
  await vi.advanceTimersByTimeAsync(50)
}

const failTwice = async () => {
  await failOnce()
  FakeSocket.last.fail()
  await settle()
}

describe('a WebSocket that a browser could not open', () => {
  test('closes the client with the server’s reason, requested from the second failure in a row on', async () => {
    const { client, log } = await start()
    await failOnce()
    expect([answer.mock.calls.length, FakeSocket.all.length]).toEqual([0, 2])
    FakeSocket.last.fail()
    await settle()
    expect(log).toEqual([
      'waiting connection_failed',
      'connecting',
      'closed origin_not_allowed',
      'error origin_not_allowed',
    ])
    expect(() => client.send('x')).toThrow(
      expect.objectContaining({
        code: 'client_closed',
        cause: expect.objectContaining({ code: 'origin_not_allowed' }),
      }),
    )
    await vi.advanceTimersByTimeAsync(60_000)
    expect([answer.mock.calls.length, FakeSocket.all.length, vi.getTimerCount()]).toEqual([1, 2, 0])
  })

  test('requests the reason from its own path, without parameters, by a method that carries the origin', async () => {
    await start()
    await failTwice()
    const [url, init] = answer.mock.calls[0]!
    expect(String(url)).toBe('http://localhost:3000/api/v1/ws')
    expect(init).toMatchObject({ method: 'POST', cache: 'no-store' })
    expect(init).not.toHaveProperty('headers')
    expect(init).not.toHaveProperty('body')
  })

  test('leads to a reconnect when the server says so', async () => {
    answer.mockImplementation(async () => Response.json({ error: NOT_ALLOWED, reconnectAfter: 7_000 }))
    const { client, log } = await start()
    await failTwice()
    expect(log.at(-1)).toBe('waiting origin_not_allowed')
    await vi.advanceTimersByTimeAsync(6_999)
    expect([client.state, FakeSocket.all.length]).toEqual(['waiting', 2])
    await vi.advanceTimersByTimeAsync(1)
    expect([client.state, FakeSocket.all.length]).toEqual(['connecting', 3])
  })

  test.each<[string, () => Promise<Response>]>([
    ['an error without reconnectAfter', async () => Response.json({ error: NOT_ALLOWED })],
    ['an error that is no object', async () => Response.json({ error: 'no', reconnectAfter: null })],
    ['no error', async () => Response.json({ reconnectAfter: null })],
    ['null', async () => Response.json(null)],
    ['a page of a proxy', async () => new Response('<h1>Bad gateway</h1>', { status: 502 })],
    ['nothing', async () => new Response(null, { status: 204 })],
    ['no answer', () => Promise.reject(new TypeError('Failed to fetch'))],
    [
      'half an answer',
      async () =>
        new Response(
          new ReadableStream({
            start: (controller) => {
              controller.enqueue(new TextEncoder().encode('{"error":'))
              controller.error(new TypeError('network error'))
            },
          }),
        ),
    ],
  ])('counts as a failed connection if the response is %s', async (_what, reply) => {
    answer.mockImplementation(reply)
    const { log } = await start()
    await failTwice()
    expect(log).toEqual(['waiting connection_failed', 'connecting', 'waiting connection_failed'])
  })

  test('waits 2 s for the response', async () => {
    answer.mockImplementation(hang)
    const { client, log } = await start()
    await failTwice()
    await vi.advanceTimersByTimeAsync(1_999)
    expect(client.state).toBe('connecting')
    await vi.advanceTimersByTimeAsync(1)
    expect(log.at(-1)).toBe('waiting connection_failed')
    expect(isAborted()).toBe(true)
  })

  test.each<[string, ClientOptions, (client: Client) => Promise<unknown>]>([
    ['closed', {}, async (client) => client.close()],
    ['late', { connectTimeout: 500 }, () => vi.advanceTimersByTimeAsync(500)],
  ])('stops the request when the client is %s', async (_what, options, end) => {
    answer.mockImplementation(hang)
    const { client, log } = await start([], options)
    await failTwice()
    expect(isAborted()).toBe(false)
    await end(client)
    expect(isAborted()).toBe(true)
    const before = log.length
    await settle()
    expect(log).toHaveLength(before)
  })

  test('sends no request if it was open before, or if its error has a reason', async () => {
    const { client } = await start()
    FakeSocket.last.welcome()
    expect(client.state).toBe('open')
    FakeSocket.last.fail()
    await vi.advanceTimersByTimeAsync(50)
    await failOnce()
    for (const why of [{ error: new Error('ECONNREFUSED') }, { message: 'Unexpected response: 403' }]) {
      FakeSocket.last.fail(why)
      await vi.advanceTimersByTimeAsync(50)
    }
    expect([FakeSocket.all.length, answer.mock.calls.length]).toEqual([5, 0])
  })
})

/** Never responds. Rejects when the signal aborts. */
const hang: typeof fetch = (_url, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(new DOMException('Aborted', 'AbortError')))
  })

const isAborted = (): boolean | undefined => answer.mock.calls[0]?.[1]?.signal?.aborted

describe('with another transport to fall back to', () => {
  const upgrade = { min: 1_000, max: 1_000 }

  test('the request causes no delay: the client uses the other transport at once', async () => {
    answer.mockImplementation(hang)
    const other = new MemoryTransport('other')
    const { client } = await start([other], { upgrade })
    FakeSocket.last.fail()
    await settle()
    expect([client.state, client.transport, answer.mock.calls.length]).toEqual(['open', 'other', 0])
  })

  test('a refusal in the background does not close the client, and is not requested again', async () => {
    const { client, log } = await start([new MemoryTransport('other')], { upgrade })
    FakeSocket.last.fail()
    await vi.advanceTimersByTimeAsync(500)
    expect(FakeSocket.all).toHaveLength(2)
    FakeSocket.last.fail()
    await vi.advanceTimersByTimeAsync(20_000)
    expect([client.state, client.transport]).toEqual(['open', 'other'])
    expect([FakeSocket.all.length, answer.mock.calls.length]).toEqual([2, 1])
    expect(log.filter((entry) => String(entry).includes('origin'))).toEqual([])
  })

  test('that gets no reason either, a refusal closes the client in the second round', async () => {
    const other = new MemoryTransport('other')
    other.reachable = false
    const { log } = await start([other])
    FakeSocket.last.fail()
    await vi.advanceTimersByTimeAsync(50)
    FakeSocket.last.fail()
    await settle()
    expect(log.at(-2)).toBe('closed origin_not_allowed')
    expect([FakeSocket.all.length, other.peers.length]).toEqual([2, 1])
  })
})
