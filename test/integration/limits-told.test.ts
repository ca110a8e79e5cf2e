import { type App, createApp } from 'rookery'
import { socketio } from 'rookery/socketio'
import { Server } from 'socket.io'
import { io, type Socket } from 'socket.io-client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { Frame } from '../../core/protocol/frame.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { SseReader } from '../support/sse-reader.ts'
import { startThree, TRANSPORTS, until, welcomeBy } from '../support/three-transports.ts'

const connect = (url: string, options: object = {}): Socket => {
  const socket = io(url, { forceNew: true, reconnectionDelay: 10, ...options })
  onTestFinished(() => void socket.disconnect())
  return socket
}

const refusalOf = (socket: Socket) =>
  new Promise<{ code: string; reconnectAfter?: number }>((resolve) =>
    socket.once('connect_error', (error) => resolve((error as Error & { data: never }).data)),
  )

describe('a peer beyond the connection limit', () => {
  const startFull = async () => {
    const started = await startThree({ limits: { maxConnections: 1 } })
    const first = await connectBare(started.url)
    return { ...started, first }
  }

  it('gets a close frame, a close code and reconnectAfter over a WebSocket', async () => {
    const { url } = await startFull()
    const client = new BareClient(`${url}/api/v1/ws`)
    expect(await client.untilClosed()).toEqual({ code: 4429, reason: 'too_many_connections' })
    expect(client.frames).toEqual([
      {
        type: 'close',
        error: { code: 'too_many_connections', message: expect.any(String) },
        reconnectAfter: expect.any(Number),
      },
    ])
  })

  it('gets 429 over a stream, or a stream with a retry field if it is an EventSource', async () => {
    const { url } = await startFull()
    const response = await fetch(`${url}/api/v1/sse`)
    expect(response.status).toBe(429)
    expect(await response.json()).toMatchObject({
      error: { code: 'too_many_connections' },
      reconnectAfter: expect.any(Number),
    })
    const reader = await SseReader.open(`${url}/api/v1/sse`)
    await reader.untilText((text) => /^retry: \d+\nevent: control\ndata: \{"type":"close"/.test(text))
    expect(reader.response.status).toBe(200)
    await vi.waitFor(() => expect(reader.ended).toBe(true))
  })

  it('gets connect_error over Socket.IO, does not reconnect, and is accepted when it connects again', async () => {
    const { url, app, first } = await startFull()
    for (const transports of [['websocket'], ['polling']]) {
      const socket = connect(url, { transports })
      expect(await refusalOf(socket)).toEqual({
        code: 'too_many_connections',
        message: expect.any(String),
        reconnectAfter: expect.any(Number),
      })
      expect(socket.active).toBe(false)
    }
    expect(app.refusals).toEqual({ too_many_connections: 2 })
    const socket = connect(url)
    await refusalOf(socket)
    first.socket.terminate()
    await vi.waitFor(() => expect(app.sessions.size).toBe(0))
    socket.connect()
    await vi.waitFor(() => expect(socket.connected).toBe(true))
  })
})

describe('Socket.IO', () => {
  it('allows no more connections without a socket than the limit on handshakes', async () => {
    const { url } = await startThree({ limits: { maxHandshakes: 3 } })
    const open = async () => {
      const response = await fetch(`${url}/socket.io/?EIO=4&transport=polling`)
      return `${response.status} ${await response.text()}`
    }
    for (let count = 0; count < 3; count++) expect(await open()).toMatch(/^200 0/)
    expect(await open()).toBe('403 {"code":4,"message":"too_many_connections"}')
    await connectBare(url)
  })

  it('counts the bytes of packets other than events, and disconnects a client beyond the byte rate', async () => {
    const { url, app } = await startThree({ limits: { byteRate: 1, byteBurst: 10_000, maxPayload: 10_000 } })
    const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
    onTestFinished(() => socket.terminate())
    socket.on('error', () => {})
    socket.on('message', (data) => {
      if (String(data).startsWith('0')) socket.send('40')
    })
    await vi.waitFor(() => expect(app.sessions.size).toBe(1))
    for (let count = 0; count < 10; count++) socket.send(`43["${'x'.repeat(5000)}"]`)
    await vi.waitFor(() => expect(app.sessions.size).toBe(0))
  })

  it('uses the address from a trusted proxy, and on a server of the user the address of the connection', async () => {
    const { url, app } = await startThree({ http: { trustProxy: ['loopback'] } })
    const extraHeaders = { 'x-forwarded-for': '6.6.6.6, 192.0.2.7' }
    for (const transports of [['websocket'], ['polling']]) connect(url, { transports, extraHeaders })
    await vi.waitFor(() =>
      expect([...app.sessions].map(({ address }) => address)).toEqual(['192.0.2.7', '192.0.2.7']),
    )
    const server = new Server()
    server.listen(0)
    onTestFinished(() => void server.close())
    const own = createApp({ logger: 'silent', plugins: [socketio({ server })] })
    await own.start()
    onTestFinished(() => own.stop())
    const { port } = (
      server as unknown as { httpServer: { address(): { port: number } } }
    ).httpServer.address()
    connect(`http://127.0.0.1:${port}`, { extraHeaders })
    await vi.waitFor(() =>
      expect([...own.sessions].map(({ address }) => address)).toEqual([expect.stringContaining('127.0.0.1')]),
    )
  })
})

describe.each(TRANSPORTS)('over %s', (transport) => {
  /** Options with tokens that are user names. A name that begins with `x` has no rights. */
  const prepare = (app: App) => {
    app.sessions.onAuthenticate(() => ({ id: 'ada', name: 'ada' }))
    app.sessions.onToken(async (session, token) => {
      await session.renew({ id: 'ada', name: token })
      return { expiresIn: 1000 }
    })
    const allowed = (name: string | undefined) => !name?.startsWith('x')
    app.sessions.addAuthorizer({
      authorize: ({ user }) => allowed(user?.name),
      authorizePattern: ({ user }) => allowed(user?.name),
    })
  }

  it('a token may be renewed, and the client is told of each subscription that it no longer allows', async () => {
    const { url, app } = await startThree({ prepare })
    const peer = await welcomeBy(transport, url)
    await peer.send({ type: 'subscribe', topics: ['a/*', 'b'], id: 1 })
    await peer.send({ type: 'auth', token: 'grace', id: 2 })
    const reply = await until(peer, (frame) => frame.type === 'reply' && frame.id === 2)
    expect(reply).toMatchObject({ payload: { expiresIn: 1000 } })
    await peer.send({ type: 'auth', token: 'xavier', id: 3 })
    const taken = await until(peer, ({ type }) => type === 'unsubscribed')
    expect(taken).toMatchObject({ topics: ['a/*', 'b'], error: { code: 'forbidden' } })
    const [session] = app.sessions
    expect(session?.user?.name).toBe('xavier')
    expect(session?.subscriptions).toEqual([])
  })

  it('a frame that requests a new token arrives', async () => {
    const { url, app } = await startThree({ prepare })
    const peer = await welcomeBy(transport, url)
    for (const session of app.sessions)
      app.sessions.push(session, new Frame({ type: 'auth', expiresIn: 60_000 }))
    expect(await until(peer, ({ type }) => type === 'auth')).toEqual({ type: 'auth', expiresIn: 60_000 })
  })
})
