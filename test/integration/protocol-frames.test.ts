import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { connectBare } from '../support/bare-client.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'

const start = (options: Parameters<typeof startApp>[0] = {}) =>
  startApp({
    ...options,
    prepare: (app) => {
      app.handle('echo', (_ctx, payload) => payload)
      app.handle('nothing', () => {})
      options.prepare?.(app)
    },
  })

describe('a frame from a client', () => {
  it('has a whole number from 0 as its id', async () => {
    verifies('protocol.client-frame.id-whole-number')
    const { url } = await start()
    const client = await connectBare(url)
    for (const id of [-1, 1.5, '1', null]) client.send({ topic: 'echo', id })
    client.send({ topic: 'echo', payload: 'last', id: 0 })
    expect((await client.until(({ id }) => id === 0)).payload).toBe('last')
    const errors = client.frames.filter(({ type }) => type === 'error')
    expect(errors.map(({ error }) => error.code)).toEqual(Array(4).fill('bad_frame'))
  })

  it('gets no answer if it is a pong', async () => {
    verifies('protocol.client-frame.pong-unanswered')
    const { url } = await start()
    const client = await connectBare(url)
    client.send({ type: 'pong' })
    await client.ask({ topic: 'echo' })
    expect(client.frames.map(({ type }) => type)).toEqual(['welcome', 'reply'])
  })

  it('may have since in subscribe: a cursor of up to 255 characters, earliest, last or ago', async () => {
    verifies('protocol.client-frame.since')
    const { url } = await start()
    const client = await connectBare(url)
    const answer = async (since: unknown) => {
      const { error } = await client.ask({ type: 'subscribe', topics: ['news'], since })
      return error?.code
    }
    for (const since of ['x', 'x'.repeat(255), 'earliest', { last: 0 }, { ago: Number.MAX_SAFE_INTEGER }]) {
      expect(await answer(since)).toBeUndefined()
    }
    for (const since of ['', 'x'.repeat(256), 7, null, [], {}, { last: -1 }, { last: 1, ago: 1 }]) {
      expect(await answer(since)).toBe('bad_frame')
    }
  })

  it('is refused with 65 levels, or with more than 4096 arrays, objects and fields', async () => {
    verifies('protocol.errors.depth', 'protocol.errors.nodes')
    const { url } = await start()
    const client = await connectBare(url)
    // The frame itself is the first level.
    const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
    expect((await client.ask({ topic: 'echo', payload: nested(63) })).error).toBeUndefined()
    expect((await client.ask({ topic: 'echo', payload: nested(64) })).error.code).toBe('bad_frame')
    const arrays = (count: number) => Array(count).fill([])
    expect((await client.ask({ topic: 'echo', payload: arrays(4000) })).error).toBeUndefined()
    expect((await client.ask({ topic: 'echo', payload: arrays(4097) })).error.code).toBe('bad_frame')
  })

  it('counts towards the rate, pong too', async () => {
    verifies('protocol.errors.every-frame-counts')
    const { url } = await start({ limits: { messageRate: 1, messageBurst: 10 } })
    const client = await connectBare(url)
    for (let count = 0; count < 10; count++) client.send({ type: 'pong' })
    expect((await client.ask({ topic: 'echo' })).error.code).toBe('rate_limited')
  })
})

describe('a frame from the server', () => {
  it('has no field payload if there is no payload', async () => {
    verifies('protocol.server-frame.no-payload', 'protocol.server-frame.reply-no-payload')
    const { url, app } = await start({ pingInterval: 20 })
    const client = await connectBare(url)
    await client.ask({ type: 'subscribe', topics: ['news'] })
    await app.publish('news')
    expect(await client.until(({ topic }) => topic === 'news')).toEqual({ topic: 'news' })
    expect(await client.ask({ topic: 'nothing' })).toEqual({ type: 'reply', id: 2 })
    expect(await client.until(({ type }) => type === 'ping')).toEqual({ type: 'ping' })
  })
})

describe('after the reply to unsubscribe', () => {
  it('no message arrives because of the removed patterns', async () => {
    verifies('protocol.order.after-unsubscribe', 'delivery.subscriptions.after-unsubscribe')
    const { url, app } = await start()
    const client = await connectBare(url)
    await client.ask({ type: 'subscribe', topics: ['a/*', 'b'] })
    expect((await client.ask({ type: 'unsubscribe', topics: ['a/*'] })).payload).toEqual({ topics: ['a/*'] })
    await app.publish('a/1', 'removed')
    await app.publish('b', 'kept')
    await client.until(({ topic }) => topic === 'b')
    expect(client.on('a/1')).toEqual([])
  })
})

describe('handlers', () => {
  it('begin in the order of the frames, run side by side, and reply when they are ready', async () => {
    verifies('protocol.order.handled-in-order', 'protocol.order.side-by-side')
    const begun: unknown[] = []
    const waiting: (() => void)[] = []
    const { url } = await start({
      prepare: (app) => {
        app.handle('wait', async (_ctx, payload) => {
          begun.push(payload)
          await new Promise<void>((resolve) => waiting.push(resolve))
        })
      },
    })
    const client = await connectBare(url)
    for (let id = 0; id < 100; id++) client.send({ topic: 'wait', payload: id, id })
    await vi.waitFor(() => expect(begun).toHaveLength(100))
    const inOrder = Array.from({ length: 100 }, (_, id) => id)
    expect(begun).toEqual(inOrder)
    for (const release of waiting.reverse()) release()
    await client.until(({ id }) => id === 0)
    const replies = client.frames.filter(({ type }) => type === 'reply')
    expect(replies.map(({ id }) => id)).toEqual(inOrder.reverse())
  })
})

describe('a ping', () => {
  it('is a frame and a WebSocket ping', async () => {
    verifies('protocol.ping.both-kinds')
    const { url } = await start({ pingInterval: 20, pingTimeout: 20 })
    const client = await connectBare(url)
    const pinged = vi.fn()
    client.socket.on('ping', pinged)
    await vi.waitFor(() => expect(pinged.mock.calls.length).toBeGreaterThan(2))
    expect(client.frames.filter(({ type }) => type === 'ping').length).toBeGreaterThanOrEqual(2)
  })

  it('is answered by a WebSocket pong, and by any frame', async () => {
    verifies('protocol.ping.sign-of-life')
    const { url, app } = await start({ pingInterval: 100, pingTimeout: 90 })
    const byPong = await connectBare(url)
    // It sends no WebSocket pong, and a frame for each ping.
    const byFrame = await RawWebSocket.connect(url)
    byFrame.mute()
    let answered = 0
    await vi.waitFor(
      () => {
        const pings = byFrame.frames.filter(({ type }) => type === 'ping').length
        for (; answered < pings; answered++) byFrame.text('{"topic":"echo","id":1}')
        expect(answered).toBeGreaterThan(4)
      },
      { interval: 2 },
    )
    expect(app.sessions.size).toBe(2)
    expect(byPong.closed).toBeUndefined()
  })
})
