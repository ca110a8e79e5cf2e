import { RookeryError } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import {
  ask,
  closedWith,
  connectBy,
  startThree,
  TRANSPORTS,
  until,
  welcomeBy,
} from '../support/three-transports.ts'
import { upgradeAnswer } from '../support/upgrade-answer.ts'

/** Authenticates each peer as the user of `?name=`. */
const named = (app: Parameters<NonNullable<Parameters<typeof startThree>[0]>['prepare'] & object>[0]) =>
  void app.sessions.onAuthenticate(({ query }) => {
    const name = query.get('name')
    return name ? { id: name, name } : null
  })

/** Resolves with the code with which a WebSocket upgrade is refused. */
const refusalOf = async (url: string): Promise<string> => {
  const { status, body } = await upgradeAnswer(`${url}/api/v1/ws`)
  expect(status).toBe(429)
  return JSON.parse(body).error.code
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  const connect = (url: string, params = {}) => connectBy(transport, url, params)
  const welcome = (url: string, params = {}) => welcomeBy(transport, url, params)

  describe('a connection beyond the limit is refused with a code and counted, and others are served', () => {
    it.each<[string, object, object]>([
      ['in total', { maxConnections: 2 }, {}],
      ['from one address', { maxConnectionsPerAddress: 2 }, {}],
      ['of one user', { maxConnectionsPerUser: 2 }, { name: 'ada' }],
    ])('%s', async (_what, limits, params) => {
      const { url, app } = await startThree({ limits, prepare: named })
      verifies('protocol.order.refused-gets-close', 'protocol.connect.refused-by-close')
      const [first, second] = [await welcome(url, params), await welcome(url, params)]
      const refused = await connect(url, params)
      expect(await closedWith(refused)).toBe('too_many_connections')
      expect(refused.frames.map(({ type }) => type)).toEqual(['close'])
      expect(app.refusals).toEqual({ too_many_connections: 1 })
      expect(await ask(first!, { topic: 'echo', payload: 1 })).toBe(1)
      second!.close()
      await vi.waitFor(() => expect(app.sessions.size).toBe(1))
      const third = await welcome(url, params)
      expect(await ask(third, { topic: 'echo', payload: 2 })).toBe(2)
    })
  })

  it('the connection limit of one user does not affect another user', async () => {
    const { url } = await startThree({ limits: { maxConnectionsPerUser: 1 }, prepare: named })
    await welcome(url, { name: 'ada' })
    expect(await closedWith(await connect(url, { name: 'ada' }))).toBe('too_many_connections')
    await welcome(url, { name: 'bob' })
    for (let guests = 0; guests < 3; guests++) await welcome(url)
  })

  it('handshakes beyond the rate of an address are refused, those of other addresses are not', async () => {
    const { url, app } = await startThree({
      limits: { handshakeRate: 1, handshakeBurst: 2 },
      http: { trustProxy: ['loopback'] },
    })
    verifies('protocol.connect.rate-429')
    const honest = await welcome(url)
    await welcome(url)
    expect(transport === 'websocket' ? await refusalOf(url) : await closedWith(await connect(url))).toBe(
      'rate_limited',
    )
    expect(app.refusals).toEqual({ rate_limited: 1 })
    expect(await ask(honest, { topic: 'echo', payload: 1 })).toBe(1)
    const other = await fetch(`${url}/api/v1/sse?mode=poll`, { headers: { 'x-forwarded-for': '192.0.2.1' } })
    expect(other.status).toBe(200)
    await other.body?.cancel()
  })

  it('concurrent handshakes are limited, and the next is accepted when one has ended', async () => {
    let letIn = () => {}
    const { url, app } = await startThree({
      limits: { maxHandshakes: 1 },
      prepare: (app) => {
        app.sessions.onAuthenticate(async ({ query }) => {
          if (query.has('slow')) {
            await new Promise<void>((resolve) => {
              letIn = resolve
            })
          }
          return null
        })
      },
    })
    const slow = connect(url, { slow: '1' })
    await vi.waitFor(() => expect(letIn).not.toHaveLength(1))
    await vi.waitFor(async () => {
      expect(await closedWith(await connect(url))).toBe('too_many_connections')
    })
    expect(app.refusals.too_many_connections).toBeGreaterThan(0)
    letIn()
    await until(await slow, ({ type }) => type === 'welcome')
    await welcome(url)
  })

  it('frames beyond the rate are refused, and a flood ends its own session only', async () => {
    const { url, app } = await startThree({ limits: { messageRate: 5, messageBurst: 20 } })
    verifies('protocol.errors.rate')
    const honest = await welcome(url)
    const flood = await welcome(url)
    for (let count = 0; count < 10; count++)
      expect(await ask(flood, { topic: 'echo', payload: count })).toBe(count)
    for (let count = 0; count < 100; count++) void flood.send({ topic: 'echo', payload: count, id: count })
    expect(await closedWith(flood)).toBe('rate_limited')
    const codes = flood.frames.flatMap((frame) => (frame.type === 'reply' ? [frame.error?.code] : []))
    expect(codes.filter((code) => code === undefined).length).toBeGreaterThanOrEqual(10)
    expect(new Set(codes)).toEqual(new Set([undefined, 'rate_limited']))
    expect(app.refusals.rate_limited).toBeGreaterThan(1)
    expect(await ask(honest, { topic: 'echo', payload: 1 })).toBe(1)
  })

  it('bytes beyond the rate are refused, and a flood of bytes ends the session', async () => {
    const { url, app } = await startThree({ limits: { byteRate: 1000, byteBurst: 100_000 } })
    verifies('protocol.errors.rate')
    const honest = await welcome(url)
    const flood = await welcome(url)
    const payload = 'x'.repeat(10_000)
    expect(await ask(flood, { topic: 'echo', payload })).toBe(payload)
    for (let count = 0; count < 40; count++) void flood.send({ topic: 'echo', payload, id: count })
    expect(await closedWith(flood)).toBe('rate_limited')
    expect(flood.frames.some((frame) => frame.type === 'reply' && frame.error?.code === 'rate_limited')).toBe(
      true,
    )
    expect(app.refusals.rate_limited).toBeGreaterThan(1)
    expect(await ask(honest, { topic: 'echo', payload: 1 })).toBe(1)
  })

  it('bytes on the wire are counted, not characters', async () => {
    const { url } = await startThree({ limits: { byteRate: 1, byteBurst: 20_000, maxPayload: 20_000 } })
    const peer = await welcome(url)
    const payload = '🎉'.repeat(4000)
    expect(await ask(peer, { topic: 'echo', payload })).toBe(payload)
    expect(await ask(peer, { topic: 'echo', payload })).toBe('rate_limited')
  })

  it('a frame within a large maxPayload is accepted, since the burst of bytes follows', async () => {
    const { url, app } = await startThree({ limits: { maxPayload: 16 * 1024 * 1024 } })
    const peer = await welcome(url)
    const payload = 'x'.repeat(5 * 1024 * 1024)
    expect(((await ask(peer, { topic: 'echo', payload })) as string).length).toBe(payload.length)
    expect(app.refusals).toEqual({})
  })

  it('a subscription beyond the limit, a long pattern, and a frame that is too deep or too complex get an error', async () => {
    const { url, app } = await startThree({ limits: { maxSubscriptions: 2, maxDepth: 10, maxNodes: 20 } })
    verifies('protocol.client-frame.topic-limits')
    const peer = await welcome(url)
    expect(await ask(peer, { type: 'subscribe', topics: ['a', 'b'] })).toEqual({ topics: ['a', 'b'] })
    expect(await ask(peer, { type: 'subscribe', topics: ['b', 'c'] })).toMatchObject({
      topics: ['b'],
      refused: [{ topic: 'c', error: { code: 'too_many_subscriptions' } }],
    })
    expect(await ask(peer, { type: 'subscribe', topics: ['x'.repeat(256)] })).toBe('invalid_pattern')
    expect(await ask(peer, { type: 'subscribe', topics: [Array(17).fill('x').join('/')] })).toBe(
      'invalid_pattern',
    )
    const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
    expect(await ask(peer, { topic: 'echo', payload: nested(9) })).toEqual(nested(9))
    expect(await ask(peer, { topic: 'echo', payload: nested(10) })).toBe('bad_frame')
    const many = (count: number) => Array.from({ length: count }, () => [])
    expect(await ask(peer, { topic: 'echo', payload: many(10) })).toEqual(many(10))
    expect(await ask(peer, { topic: 'echo', payload: many(25) })).toBe('bad_frame')
    expect(await ask(peer, { topic: 'echo', payload: 'still here' })).toBe('still here')
    expect([...app.sessions][0]?.subscriptions).toEqual(['a', 'b'])
    expect(app.refusals).toEqual({ too_many_subscriptions: 1, invalid_pattern: 2, bad_frame: 2 })
  })

  it('a refusal by a hook is counted once', async () => {
    const { url, app } = await startThree({
      prepare: (app) => {
        app.sessions.onOpen(() => Promise.reject(new RookeryError('forbidden')))
      },
    })
    expect(await closedWith(await connect(url))).toBe('forbidden')
    expect(app.refusals).toEqual({ forbidden: 1 })
  })

  it('the address comes from the proxy only if the proxy is trusted', async () => {
    const { url, app } = await startThree()
    await welcome(url)
    expect([...app.sessions].map(({ address }) => address)).toEqual(['127.0.0.1'])
  })
})
