import { request } from 'node:http'
import { type App, RookeryError } from 'rookery'
import { rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { io } from 'socket.io-client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startApp, type TestAppOptions } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { deferred } from '../support/deferred.ts'
import { slowdown } from '../support/slowdown.ts'
import { SseReader } from '../support/sse-reader.ts'

const start = (options: TestAppOptions = {}) =>
  startApp({
    ...options,
    plugins: [sse(), socketio({ closeTimeout: 300 }), rooms()],
    prepare: (app) => {
      app.handle('echo', (_ctx, payload) => payload)
      options.prepare?.(app)
    },
  })

/** Opens an Engine.IO session over long polling, without a client library. */
const openEngine = async (url: string): Promise<string> => {
  const text = await (await fetch(`${url}/socket.io/?EIO=4&transport=polling`)).text()
  const { sid } = JSON.parse(text.slice(1)) as { sid: string }
  return `${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`
}

/** Engine.IO would wait 30 s for the next poll of a client. */
const expectQuickStop = async (app: App): Promise<void> => {
  const before = Date.now()
  await app.stop()
  expect(Date.now() - before).toBeLessThan(3000 * slowdown())
}

describe('a faulty application', () => {
  it('an origin check that throws refuses the request, and the app keeps running', async () => {
    const allowedOrigins = (origin: string) => new URL(origin).hostname === 'app.example'
    const { url } = await start({ http: { allowedOrigins } })
    const status = await new Promise((resolve) => {
      const upgrading = request(`${url}/api/v1/ws`, {
        headers: { connection: 'upgrade', upgrade: 'websocket', origin: 'null' },
      })
      upgrading.on('response', (response) => resolve(response.statusCode))
      upgrading.end()
    })
    expect(status).toBe(403)
    await connectBare(url)
  })

  it('issues that JSON cannot express reach the client without the unserializable parts', async () => {
    const { url } = await start({
      prepare: (app) => {
        app.handle('bad', () => {
          const issue = { message: 'too big', path: ['n', 0, Symbol('s')], maximum: 10n }
          throw new RookeryError('bad_amount', 'No', { issues: [issue as never] })
        })
      },
    })
    const client = await connectBare(url)
    expect((await client.ask({ topic: 'bad' })).error.issues).toEqual([
      { message: 'too big', path: ['n', 0, 'Symbol(s)'] },
    ])
  })

  it('a close hook that rejects is reported, and the other hooks are called', async () => {
    const { url, app, lines } = await start()
    const other = vi.fn()
    app.sessions.onClose(async () => {
      throw new Error('no database')
    })
    app.sessions.onClose(other)
    const client = await connectBare(url)
    client.socket.terminate()
    await vi.waitFor(() => expect(lines.some(({ stage }) => stage === 'close')).toBe(true))
    expect(other).toHaveBeenCalledOnce()
  })

  it('a user without a valid id refuses the peer and leaves no connection open', async () => {
    const { url, app, lines } = await start()
    app.sessions.onAuthenticate(() => ({ id: 42, name: 'Ada' }) as never)
    const client = new BareClient(`${url}/api/v1/ws`)
    expect(await client.untilClosed()).toEqual({ code: 1011, reason: 'internal' })
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'debug', code: 'internal', transport: 'websocket' }),
    )
    expect(lines.find(({ level }) => level === 'error')?.err).toMatchObject({
      message: expect.stringContaining('id'),
    })
    expect(app.sessions.size).toBe(0)
  })

  it('an error code of any length closes a session', async () => {
    const { url, app } = await start()
    const client = await connectBare(url)
    await app.sessions.disconnect(
      { session: client.frames[0]?.session as string },
      new RookeryError('x'.repeat(300)),
    )
    expect((await client.untilClosed()).reason).toHaveLength(123)
    expect(client.frames.at(-1)?.error.code).toHaveLength(300)
  })

  it('a slow hook buffers no more than the limit while others publish', async () => {
    let opened = () => {}
    const { url, app } = await start({
      limits: { maxBuffered: 1000 },
      prepare: (app) => {
        app.sessions.onOpen((session) => {
          session.subscribe('flood')
          return new Promise<void>((resolve) => {
            opened = resolve
          })
        })
      },
    })
    const client = new BareClient(`${url}/api/v1/ws`)
    await vi.waitFor(() => expect(app.sessions.size).toBe(1))
    for (let count = 0; count < 20; count++) void app.publish('flood', 'x'.repeat(100))
    opened()
    expect((await client.untilClosed()).reason).toBe('slow_consumer')
  })
})

describe('a session that a hook closes while it opens', () => {
  it.each(['forbidden', 'slow_consumer'])(
    'is refused with the reason %s on every transport',
    async (code) => {
      const { url, app } = await start()
      app.sessions.onOpen((session) => session.close(new RookeryError(code)))
      const client = new BareClient(`${url}/api/v1/ws`)
      expect((await client.untilClosed()).reason).toBe(code)
      const stream = await fetch(`${url}/api/v1/sse?topic=leak/x`)
      expect(((await stream.json()) as { error: object }).error).toMatchObject({ code })
      const socket = io(url, { reconnection: false, forceNew: true })
      onTestFinished(() => void socket.disconnect())
      const refused = new Promise<unknown>((resolve) => {
        socket.on('connect_error', (error) =>
          resolve((error as Error & { data?: { code: string } }).data?.code),
        )
        // The client emits close before connect_error.
        socket.io.on('close', () => setImmediate(resolve, undefined))
      })
      expect(await refused).toBe(code === 'forbidden' ? code : undefined)
      await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
    },
  )
})

describe('server-sent events', () => {
  const open = async (query = '', options: TestAppOptions = {}) => {
    const started = await start(options)
    const reader = await SseReader.open(`${started.url}/api/v1/sse${query}`)
    const { session } = (await reader.until(({ type }) => type === 'welcome')) as unknown as {
      session: string
    }
    const send = async (body: unknown) => {
      const response = await fetch(`${started.url}/api/v1/sse/${session}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      return response.status
    }
    return { ...started, reader, send }
  }

  it('an invalid pattern refuses the stream before other members are told of a new member', async () => {
    const { url, app } = await start()
    const heard = vi.fn()
    app.bus.subscribe('rooms/*', heard)
    expect((await fetch(`${url}/api/v1/sse?roomID=1&topic=$bad`)).status).toBe(403)
    await new Promise(setImmediate)
    expect(heard).not.toHaveBeenCalled()
  })

  it('numbered frames that arrive too early are buffered within a limit', async () => {
    const { send } = await open()
    expect(
      await send([
        { topic: 'echo', seq: 2 },
        { topic: 'echo', seq: 1001 },
      ]),
    ).toBe(400)
    const statuses: number[] = []
    for (let seq = 2; seq < 20; seq++) statuses.push(await send({ topic: 'echo', seq }))
    expect(statuses.filter((status) => status === 200)).toHaveLength(8)
    expect(new Set(statuses)).toEqual(new Set([200, 409]))
    expect(await send({ topic: 'echo', seq: 1, id: 1 })).toBe(200)
  })

  it('a frame for a session that has closed is not acknowledged', async () => {
    const { app, send } = await open('?resume=1')
    await app.sessions.disconnect({ session: [...app.sessions][0]?.id as string })
    expect(await send({ topic: 'echo', seq: 1 })).toBe(404)
  })

  it('a session without a stream does not time out by pings within its grace time', async () => {
    const { app, reader } = await open('?resume=1&topic=news', { pingInterval: 200, pingTimeout: 200 })
    reader.close()
    const pinged = Date.now() + 600
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(pinged))
    expect(app.sessions.size).toBe(1)
  })
})

describe('Socket.IO', () => {
  it('opens one session per connection, however often the client connects', async () => {
    const { url, app } = await start()
    const engine = await openEngine(url)
    await fetch(engine, { method: 'POST', body: Array(500).fill('40').join('\u001e') })
    await vi.waitFor(() => expect(app.sessions.size).toBe(0))
    await connectBare(url)
  })

  it('closes a connection that leaves the namespace, and one that disconnects before it has joined', async () => {
    const { url, app } = await start()
    for (const packets of [
      ['40', '41'],
      ['40', '1'],
    ]) {
      const engine = await openEngine(url)
      for (const packet of packets) await fetch(engine, { method: 'POST', body: packet })
    }
    const engine = await openEngine(url)
    await fetch(engine, { method: 'POST', body: '40\u001e1' })
    await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
    await expectQuickStop(app)
  })

  it('ends the session of a client that leaves during its handshake and does not poll', async () => {
    const opening = deferred()
    const { url, app } = await start({
      prepare: (app) => {
        app.sessions.onOpen(() => opening.promise)
      },
    })
    const engine = await openEngine(url)
    for (const packet of ['40', '41']) await fetch(engine, { method: 'POST', body: packet })
    await vi.waitFor(() => expect(app.sessions.size).toBe(1))
    opening.resolve()
    // Long before the 30 s after which Engine.IO closes a connection without a poll.
    await vi.waitFor(() => expect(app.sessions.size).toBe(0), { timeout: 10_000 })
    await expectQuickStop(app)
  })

  it.each<[string, (app: App) => unknown]>([
    ['the app stops', () => {}],
    ['its session was closed', (app) => [...app.sessions].map((session) => session.close())],
  ])('does not wait for a client that does not poll when %s', async (_when, act) => {
    const { url, app } = await start()
    await fetch(await openEngine(url), { method: 'POST', body: '40' })
    await vi.waitFor(() => expect(app.sessions.size).toBe(1))
    act(app)
    await expectQuickStop(app)
  })

  it('disconnects a client that sends requests and does not read', async () => {
    const { url, app } = await start({
      limits: { maxBuffered: 100_000, messageRate: 100_000, messageBurst: 100_000 },
    })
    const client = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
    onTestFinished(() => client.terminate())
    client.on('error', () => {})
    client.on('message', (data) => {
      if (String(data).startsWith('0')) client.send('40')
    })
    await vi.waitFor(() => expect(app.sessions.size).toBe(1))
    client.pause()
    const payload = 'x'.repeat(50_000)
    await vi.waitFor(
      () => {
        if (client.readyState === WebSocket.OPEN) {
          for (let id = 0; id < 10; id++) client.send(`42${id}["echo","${payload}"]`)
        }
        expect(app.sessions.size).toBe(0)
      },
      { timeout: 60_000, interval: 5 },
    )
  })

  it('answers requests that Engine.IO does not handle', async () => {
    const { url } = await start()
    for (const path of ['/socket.io', '/%73ocket.io/?EIO=4&transport=polling']) {
      expect((await fetch(`${url}${path}`)).status).toBe(404)
    }
  })
})
