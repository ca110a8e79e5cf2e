import { spawn } from 'node:child_process'
import { EventSource } from 'eventsource'
import type { PeerSession } from 'rookery'
import { rooms } from 'rookery/rooms'
import { sse } from 'rookery/sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { SseReader } from '../support/sse-reader.ts'

const start = (options: Parameters<typeof sse>[0] = {}, limits = {}) =>
  startApp({
    limits,
    plugins: [sse(options), rooms()],
    prepare: (app) => void app.handle('echo', (_ctx, payload) => payload),
  })

const post = async (url: string, session: string, body: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(`${url}/api/v1/sse/${session}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, never> }
}

describe('a stream', () => {
  it('has the headers that proxies need, and begins at once', async () => {
    const { url } = await start()
    const reader = await SseReader.open(`${url}/api/v1/sse`)
    expect(reader.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(reader.response.headers.get('cache-control')).toBe('no-store, no-transform')
    expect(reader.response.headers.get('x-accel-buffering')).toBe('no')
    await reader.untilText((text) => text.startsWith(': hello\n\nevent: control\ndata: {"type":"welcome"'))
  })

  it('carries messages of the topics in its query and of its room', async () => {
    const { url, app } = await start()
    const reader = await SseReader.open(`${url}/api/v1/sse?topic=news/*&topic=sport&username=ada&roomID=42`)
    await reader.until(({ type }) => type === 'welcome')
    await app.publish('news/art', 1)
    await app.publish('other', 2)
    await app.publish('sport', 3)
    await app.publish('rooms/42/x', 4)
    await reader.until(({ payload }) => payload === 4)
    expect(reader.frames.filter(({ topic }) => topic && topic !== 'rooms/42/joined')).toEqual([
      { topic: 'news/art', payload: 1 },
      { topic: 'sport', payload: 3 },
      { topic: 'rooms/42/x', payload: 4 },
    ])
  })

  it('carries line breaks, NUL and U+2028 unchanged', async () => {
    const { url, app } = await start()
    const reader = await SseReader.open(`${url}/api/v1/sse?topic=text`)
    await reader.until(({ type }) => type === 'welcome')
    const text = 'a\nb\r\nc\rd\u0000e\u2028f\u2029g\u{1f389}\ndata: h\n\n'
    await app.publish('text', text)
    expect((await reader.until(({ topic }) => topic === 'text')).payload).toBe(text)
  })

  it('is kept open by comments', async () => {
    const { url } = await start({ heartbeat: 20 })
    const reader = await SseReader.open(`${url}/api/v1/sse`)
    await reader.untilText((text) => text.split(': heartbeat\n\n').length > 3)
  })

  it('is refused with the status of the error; for an EventSource that may come back, it ends normally', async () => {
    const { url, app } = await start()
    expect((await fetch(`${url}/api/v1/sse?topic=a*`)).status).toBe(400)
    expect((await fetch(`${url}/api/v1/sse?topic=$user/x`)).status).toBe(403)
    expect((await fetch(`${url}/api/v1/sse?roomID=a/b`)).status).toBe(400)
    expect((await fetch(`${url}/api/v1/sse`, { headers: { origin: 'https://evil.example' } })).status).toBe(
      403,
    )
    expect(app.sessions.size).toBe(0)
  })

  it('works for clients of HTTP/1.0, such as nginx', async () => {
    const { url, app } = await start()
    const curl = spawn('curl', ['-sN', '--http1.0', `${url}/api/v1/sse?topic=news`])
    onTestFinished(() => void curl.kill())
    let text = ''
    curl.stdout.on('data', (data) => {
      text += String(data)
    })
    await vi.waitFor(() => expect(text).toContain('"type":"welcome"'))
    await app.publish('news', 'old protocol')
    await vi.waitFor(() => expect(text).toContain('\n\ndata: {"topic":"news","payload":"old protocol"}\n\n'))
  })

  it('works for curl -N, and the session ends with the connection', async () => {
    const { url, app } = await start()
    const curl = spawn('curl', ['-sN', `${url}/api/v1/sse?topic=news`])
    let text = ''
    curl.stdout.on('data', (data) => {
      text += String(data)
    })
    await vi.waitFor(() => expect(text).toContain('"type":"welcome"'))
    for (let number = 0; number < 10; number++) void app.publish('news', number)
    await vi.waitFor(() => expect(text.match(/^data: \{"topic":"news","payload":\d\}$/gm)).toHaveLength(10))
    curl.kill()
    await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
  })

  it('works for the package eventsource: onmessage gets messages and no control frames', async () => {
    const { url, app } = await start()
    const source = new EventSource(`${url}/api/v1/sse?topic=news`)
    onTestFinished(() => source.close())
    const messages: unknown[] = []
    const control: unknown[] = []
    source.onmessage = ({ data }) => messages.push(JSON.parse(data))
    source.addEventListener('control', ({ data }) => control.push(JSON.parse(data)))
    await vi.waitFor(() => expect(control).toMatchObject([{ type: 'welcome' }]))
    await app.publish('news', 'hello')
    await vi.waitFor(() => expect(messages).toEqual([{ topic: 'news', payload: 'hello' }]))
    // A server that closes a session for a temporary reason sees the client again.
    const [session] = [...app.sessions]
    ;(session as PeerSession).disconnected()
    await vi.waitFor(() => expect(messages.length).toBeGreaterThan(0))
  })
})

describe('the uplink', () => {
  const open = async (limits = {}) => {
    const started = await start({}, limits)
    const reader = await SseReader.open(`${started.url}/api/v1/sse`)
    const { session } = (await reader.until(({ type }) => type === 'welcome')) as unknown as {
      session: string
    }
    return {
      ...started,
      reader,
      session,
      send: (body: unknown, headers?: Record<string, string>) => post(started.url, session, body, headers),
    }
  }

  it('accepts one frame or several, and answers on the stream', async () => {
    const { reader, send } = await open()
    expect(await send({ topic: 'echo', payload: 1, id: 1 })).toEqual({ status: 200, body: { next: 1 } })
    expect(
      await send([
        { topic: 'echo', payload: 2, id: 2 },
        { topic: 'echo', payload: 3, id: 3 },
      ]),
    ).toMatchObject({ status: 200 })
    await reader.until(({ id }) => id === 3)
    expect(reader.frames.slice(1).map(({ id, payload }) => [id, payload])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
  })

  it('applies numbered frames once and in order, if requests are repeated or overtake each other', async () => {
    const { reader, send } = await open()
    verifies('delivery.sse.numbered-frames')
    const frame = (seq: number) => ({ topic: 'echo', payload: seq, id: seq, seq })
    expect((await send([frame(3), frame(4)])).body).toEqual({ next: 1 })
    expect((await send(frame(1))).body).toEqual({ next: 2 })
    expect((await send(frame(1))).body).toEqual({ next: 2 })
    expect((await send([frame(1), frame(2)])).body).toEqual({ next: 5 })
    expect((await send([frame(4), frame(5)])).body).toEqual({ next: 6 })
    await reader.until(({ id }) => id === 5)
    expect(reader.frames.slice(1).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
  })

  it('refuses wrong requests with the status and code of the error', async () => {
    const { url, session, send } = await open({ maxPayload: 1000 })
    const refused = async (request: Promise<{ status: number; body: { error?: { code: string } } }>) => {
      const { status, body } = await request
      return [status, body.error?.code]
    }
    expect(await refused(post(url, 'nobody', {}))).toEqual([404, 'unknown_session'])
    expect(await refused(send({}, { 'content-type': 'text/plain' }))).toEqual([415, 'unsupported_media_type'])
    expect(await refused(send('{nope'))).toEqual([400, 'bad_frame'])
    expect(await refused(send({ topic: 'echo', seq: 'x' }))).toEqual([400, 'bad_frame'])
    expect(await refused(send({ topic: 'echo', payload: 'x'.repeat(1000) }))).toEqual([
      413,
      'payload_too_large',
    ])
    expect(await refused(send({ topic: 'echo', seq: 1000 }))).toEqual([409, 'out_of_window'])
    expect(await refused(send({ topic: 'echo' }, { origin: 'https://evil.example' }))).toEqual([
      403,
      'origin_not_allowed',
    ])
    expect((await fetch(`${url}/api/v1/sse/${session}`)).status).toBe(404)
    expect((await fetch(`${url}/api/v1/sse`, { method: 'HEAD' })).status).toBe(200)
  })

  it('applies the limit of nodes to each frame, not to the whole request', async () => {
    const { reader, send } = await open({ maxNodes: 20 })
    const frame = (id: number, arrays: number) => ({ topic: 'echo', payload: Array(arrays).fill([]), id })
    expect((await send([frame(1, 12), frame(2, 30), frame(3, 12), frame(4, 12)])).status).toBe(200)
    // A refusal may come before the answer of an earlier handler.
    for (const id of [1, 2, 3, 4]) await reader.until((frame) => frame.id === id)
    expect(Object.fromEntries(reader.frames.slice(1).map(({ id, error }) => [id, error?.code]))).toEqual({
      1: undefined,
      2: 'bad_frame',
      3: undefined,
      4: undefined,
    })
  })

  it('answers wrong frames on the stream', async () => {
    const { reader, send } = await open()
    expect((await send([null, 7, { type: 'hack', id: 1 }, { topic: 'nobody', id: 2 }])).status).toBe(200)
    await reader.until(({ id }) => id === 2)
    expect(reader.frames.slice(1).map(({ error }) => error.code)).toEqual([
      'bad_frame',
      'bad_frame',
      'bad_frame',
      'unknown_topic',
    ])
  })
})

describe('a resumable session', () => {
  it('outlives its stream, keeps its subscriptions, and sends each frame once', async () => {
    const { url, app } = await start()
    verifies('delivery.sse.resume')
    const first = await SseReader.open(`${url}/api/v1/sse?resume=1&topic=news`)
    const { session } = (await first.until(({ type }) => type === 'welcome')) as unknown as {
      session: string
    }
    await app.publish('news', 1)
    await app.publish('news', 2)
    await first.until(({ payload }) => payload === 2)
    first.close()
    await app.publish('news', 3)
    await app.publish('news', 4)
    // The client says that it has not received the second message.
    const second = await SseReader.open(`${url}/api/v1/sse?session=${session}&received=2`)
    await app.publish('news', 5)
    await second.until(({ payload }) => payload === 5)
    expect(second.frames.map(({ payload }) => payload)).toEqual([2, 3, 4, 5])
    expect(app.sessions.size).toBe(1)
  })

  it('replaces a stream whose loss the server has not noticed', async () => {
    const { url, app } = await start()
    const first = await SseReader.open(`${url}/api/v1/sse?resume=1&topic=news`)
    const { session } = (await first.until(({ type }) => type === 'welcome')) as unknown as {
      session: string
    }
    const second = await SseReader.open(`${url}/api/v1/sse?session=${session}&received=1`)
    await app.publish('news', 1)
    await second.until(({ payload }) => payload === 1)
    await vi.waitFor(() => expect(first.ended).toBe(true))
    expect(first.frames).toHaveLength(1)
    expect(app.sessions.size).toBe(1)
  })

  it('ends after the grace, and is unknown from then on', async () => {
    const { url, app } = await start({ grace: 50 })
    const reader = await SseReader.open(`${url}/api/v1/sse?resume=1&topic=news`)
    const { session } = (await reader.until(({ type }) => type === 'welcome')) as unknown as {
      session: string
    }
    reader.close()
    await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
    const late = await fetch(`${url}/api/v1/sse?session=${session}&received=1`)
    expect([late.status, await late.json()]).toMatchObject([404, { error: { code: 'unknown_session' } }])
  })

  it('ends as a slow consumer when too many bytes wait for the client to resume', async () => {
    const { url, app } = await start({}, { maxBuffered: 10_000 })
    const reader = await SseReader.open(`${url}/api/v1/sse?resume=1&topic=news`)
    await reader.until(({ type }) => type === 'welcome')
    reader.close()
    await vi.waitFor(async () => {
      await app.publish('news', 'x'.repeat(1000))
      expect(app.sessions.size).toBe(0)
    })
  })
})

it('a server that stops ends its streams and tells the clients when to reconnect', async () => {
  const { url, app } = await start()
  const reader = await SseReader.open(`${url}/api/v1/sse`)
  await reader.until(({ type }) => type === 'welcome')
  await app.stop()
  await vi.waitFor(() => expect(reader.ended).toBe(true))
  expect(reader.frames.at(-1)).toMatchObject({
    type: 'close',
    error: { code: 'shutting_down' },
    reconnectAfter: expect.any(Number),
  })
})
