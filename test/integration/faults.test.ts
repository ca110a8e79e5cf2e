import { createConnection } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'

const echo = (limits: object = {}) =>
  startApp({ limits, prepare: (app) => void app.handle('echo', (_ctx, payload) => payload) })

describe('a faulty frame', () => {
  it.each([
    ['that is not JSON', '{nope'],
    ['that is a list', '[]'],
    ['that is null', 'null'],
    ['that is empty', ''],
    ['without topic or type', '{"payload":1}'],
    ['of an unknown type', '{"type":"hack"}'],
    ['whose topic is not a string', '{"topic":7}'],
    ['of type subscribe without topics', '{"type":"subscribe","topics":[]}'],
    ['whose id is not a number', '{"topic":"echo","id":"1"}'],
  ])('%s gets the error `bad_frame`, and the session stays open', async (_what, text) => {
    const { url } = await echo()
    verifies(
      'protocol.errors.bad-frame',
      'protocol.order.error-concerns-frame',
      'protocol.closing.others-answered',
    )
    const client = await connectBare(url)
    client.send(text)
    expect((await client.until(({ type }) => type === 'error')).error.code).toBe('bad_frame')
    expect((await client.ask({ topic: 'echo', payload: 'still here' })).payload).toBe('still here')
  })

  it('gets an error reply with its id, if it has one', async () => {
    const { url } = await echo()
    const client = await connectBare(url)
    expect((await client.ask({ type: 'hack' })).error.code).toBe('bad_frame')
  })

  it('gets a close frame with the error if the connection cannot continue: too large, binary, not UTF-8, unmasked', async () => {
    const { url, app } = await echo({ maxPayload: 1000 })
    verifies(
      'protocol.closing.close-first',
      'protocol.closing.number',
      'protocol.closing.reason',
      'protocol.client-frame.one-object',
    )
    const attacks: [string, number, (client: RawWebSocket) => void][] = [
      ['payload_too_large', 1009, (client) => client.text('x'.repeat(1001))],
      ['binary_not_supported', 1003, (client) => client.frame(0x82, Buffer.from('hello'))],
      ['bad_encoding', 1007, (client) => client.frame(0x81, Buffer.from([0xff, 0xfe]))],
      ['protocol_error', 1002, (client) => client.frame(0x81, Buffer.from('hello'), { masked: false })],
      ['protocol_error', 1002, (client) => client.frame(0x83, Buffer.from('hello'))],
    ]
    for (const [code, closeCode, attack] of attacks) {
      const client = await RawWebSocket.connect(url)
      attack(client)
      const close = await client.closed()
      expect(close).toEqual({
        code: closeCode,
        reason: code,
        last: expect.objectContaining({ type: 'close' }),
      })
      expect(close.last?.error).toMatchObject({ code })
    }
    await vi.waitFor(() => expect(app.sessions.size).toBe(0))
  })

  it('is not a frame of exactly maxPayload bytes: it is accepted', async () => {
    const { url } = await echo({ maxPayload: 1000 })
    verifies('protocol.client-frame.max-payload')
    const client = await connectBare(url)
    const frame = (payload: string) => ({ topic: 'echo', payload, id: 1 })
    const room = 1000 - JSON.stringify(frame('')).length
    client.send(frame('x'.repeat(room)))
    expect((await client.until(({ id }) => id === 1)).payload).toHaveLength(room)
  })
})

describe('a flood', () => {
  it('is refused with `rate_limited` beyond the burst, and disconnected if it continues', async () => {
    const { url, app } = await echo({ messageRate: 1, messageBurst: 10 })
    verifies('protocol.closing.fatal', 'protocol.order.close-last')
    const flood = await connectBare(url)
    for (let id = 1; id <= 30; id++) flood.send({ topic: 'echo', payload: id, id })
    expect((await flood.until(({ id }) => id === 10)).payload).toBe(10)
    expect((await flood.until(({ id }) => id === 11)).error.code).toBe('rate_limited')
    expect(await flood.untilClosed()).toEqual({ code: 4429, reason: 'rate_limited' })
    expect(flood.frames.at(-1)).toMatchObject({ type: 'close', reconnectAfter: expect.any(Number) })
    expect(app.sessions.size).toBe(0)
  })
})

describe('a peer that is half open', () => {
  it('is disconnected if it does not answer a ping, and a peer that answers is not', async () => {
    const { url, app } = await startApp({ pingInterval: 100, pingTimeout: 60 })
    verifies('protocol.ping.timeout')
    const dead = await RawWebSocket.connect(url)
    dead.mute()
    const alive = await connectBare(url)
    await vi.waitFor(() => expect(app.sessions.size).toBe(1))
    expect((await dead.closed()).last).toMatchObject({ type: 'close', error: { code: 'ping_timeout' } })
    await vi.waitFor(() =>
      expect(alive.frames.filter(({ type }) => type === 'ping').length).toBeGreaterThan(3),
    )
    expect(alive.closed).toBeUndefined()
  })

  it('is disconnected if it does not finish its HTTP request', async () => {
    const { url } = await startApp({ handshakeTimeout: 300 })
    const socket = createConnection(Number(new URL(url).port), '127.0.0.1')
    let answer = ''
    socket.on('data', (data) => {
      answer += String(data)
    })
    socket.write('GET /api/v1/ws HTTP/1.1\r\nHost: x\r\n')
    await vi.waitFor(() => expect(socket.closed).toBe(true))
    expect(answer).toContain('408')
  })

  it('is refused if a hook exceeds the handshake timeout, and leaves no session', async () => {
    const { url, app } = await startApp({
      handshakeTimeout: 50,
      prepare: (app) => void app.sessions.onOpen(() => new Promise(() => {})),
    })
    const client = new BareClient(`${url}/api/v1/ws`)
    expect(await client.untilClosed()).toEqual({ code: 4408, reason: 'handshake_timeout' })
    expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 })
  })
})

describe('a slow reader', () => {
  const big = 'x'.repeat(50_000)

  it('is disconnected when its buffer exceeds maxBuffered, and other peers are served', async () => {
    const { url, app } = await startApp({ limits: { maxBuffered: 200_000 } })
    const slow = await RawWebSocket.connect(url)
    slow.text('{"type":"subscribe","topics":["big"],"id":1}')
    await slow.until(({ id }) => id === 1)
    slow.pause()
    const fast = await connectBare(url)
    await fast.ask({ type: 'subscribe', topics: ['big'] })
    let sent = 0
    await vi.waitFor(
      async () => {
        for (let turn = 0; turn < 20; turn++) {
          await app.publish('big', `${sent++}${big}`)
          await new Promise(setImmediate)
        }
        expect(app.sessions.size).toBe(1)
      },
      { interval: 5 },
    )
    await vi.waitFor(() => expect(fast.on('big')).toHaveLength(sent))
    slow.resume()
    expect((await slow.closed()).last).toMatchObject({ type: 'close', error: { code: 'slow_consumer' } })
  })

  it('under `drop` stays connected, misses messages, and gets replies and later messages in order', async () => {
    const { url, app, lines } = await startApp({
      slowConsumer: 'drop',
      limits: { maxBuffered: 200_000 },
      prepare: (app) => void app.handle('echo', (_ctx, payload) => payload),
    })
    const slow = await RawWebSocket.connect(url)
    slow.text('{"type":"subscribe","topics":["big"],"id":1}')
    await slow.until(({ id }) => id === 1)
    slow.pause()
    let sent = 0
    await vi.waitFor(
      async () => {
        for (let turn = 0; turn < 20; turn++) {
          await app.publish('big', { number: sent++, big })
          await new Promise(setImmediate)
        }
        expect(lines.some(({ msg }) => msg?.includes('slow consumers'))).toBe(true)
      },
      { interval: 5 },
    )
    slow.text('{"topic":"echo","payload":"are you there","id":2}')
    slow.resume()
    await slow.until(({ id }) => id === 2)
    const numbers = slow.frames.flatMap(({ topic, payload }) =>
      topic === 'big' ? [(payload as { number: number }).number] : [],
    )
    expect(numbers.length).toBeGreaterThan(0)
    expect(numbers.length).toBeLessThan(sent)
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    expect(app.sessions.size).toBe(1)
  })
})

describe('a disconnect', () => {
  it('during a subscribe or a handler leaves no session and no subscription', async () => {
    let aborted = 0
    const { url, app } = await startApp({
      prepare: (app) => {
        app.handle(
          'wait',
          (ctx) => new Promise((resolve) => ctx.signal.addEventListener('abort', () => resolve(++aborted))),
        )
      },
    })
    for (let round = 0; round < 50; round++) {
      const client = new WebSocket(`${url.replace('http', 'ws')}/api/v1/ws`)
      client.on('error', () => {})
      await new Promise((resolve) => client.once('message', resolve))
      client.send('{"topic":"wait","id":1}')
      client.send('{"type":"subscribe","topics":["a/*","b"],"id":2}')
      if (round % 2) await new Promise((resolve) => client.once('message', resolve))
      client.terminate()
    }
    await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
    expect(aborted).toBeGreaterThanOrEqual(25)
  })
})
