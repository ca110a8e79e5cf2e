import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp, RookeryError } from 'rookery'
import { rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { Server } from 'socket.io'
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { startApp, type TestAppOptions } from '../support/app.ts'
import { FuzzSocket, frameOf, textFrame } from '../support/fuzz-socket.ts'

const start = ({ closeTimeout = 5000, ...options }: TestAppOptions & { closeTimeout?: number } = {}) =>
  startApp({
    ...options,
    plugins: [socketio({ closeTimeout }), rooms()],
    prepare: (app) => {
      app.handle('echo', (_ctx, payload) => payload)
      app.handle('chat/send', z.object({ text: z.string() }), async (ctx, { text }) => {
        await ctx.publish(`rooms/${ctx.room}/messages`, { from: ctx.user.name, text })
        return { sent: true }
      })
    },
  })

const connect = (url: string, options: Partial<ManagerOptions & SocketOptions> = {}): Socket => {
  const socket = io(url, { reconnectionDelay: 10, reconnectionDelayMax: 50, forceNew: true, ...options })
  onTestFinished(() => void socket.disconnect())
  return socket
}

const untilConnected = (socket: Socket) => vi.waitFor(() => expect(socket.connected).toBe(true))

describe.each([['websocket'], ['polling'], ['polling, then websocket']])(
  'an unchanged socket.io-client over %s',
  (how) => {
    const transports = how.split(', then ')

    it('emits with acknowledgement, subscribes, and receives messages', async () => {
      const { url, app } = await start()
      const socket = connect(url, { transports, query: { username: 'ada', roomID: '42' } })
      const heard: unknown[] = []
      socket.on('rooms/42/messages', (...args) => heard.push(args))
      socket.on('news/today', (...args) => heard.push(args))
      expect(await socket.emitWithAck('chat/send', { text: 'hello' })).toEqual({ sent: true })
      expect(await socket.emitWithAck('subscribe', ['news/*'])).toEqual({ topics: ['news/*'] })
      await app.publish('news/today', { fresh: true })
      await vi.waitFor(() => expect(heard).toEqual([[{ from: 'ada', text: 'hello' }], [{ fresh: true }]]))
      expect(await socket.emitWithAck('unsubscribe', 'news/*')).toEqual({ topics: ['news/*'] })
      expect([...app.sessions].map(({ transport, subscriptions }) => [transport, subscriptions])).toEqual([
        ['socketio', ['rooms/42/*']],
      ])
      socket.disconnect()
      await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
    })

    it('receives messages of any content in order', async () => {
      const { url, app } = await start()
      const socket = connect(url, { transports })
      const heard: unknown[] = []
      socket.on('n', (payload) => heard.push(payload))
      await socket.emitWithAck('subscribe', ['n'])
      const payloads = [
        0,
        '',
        null,
        'é\n\r\u2028\u0000🎉',
        [],
        {},
        { deep: [{ x: 1 }] },
        'x'.repeat(200_000),
        false,
      ]
      for (const payload of payloads) await app.publish('n', payload)
      for (let number = 0; number < 500; number++) {
        await app.publish('n', number)
        if (number % 50 === 0) await new Promise(setImmediate)
      }
      await vi.waitFor(() => expect(heard).toHaveLength(payloads.length + 500))
      expect(heard).toEqual([...payloads, ...Array.from({ length: 500 }, (_, number) => number)])
    })
  },
)

describe('a socket', () => {
  it('gets errors in the acknowledgement, or as $error if it expects none', async () => {
    const { url } = await start()
    const socket = connect(url)
    const errors: unknown[] = []
    socket.on('$error', (error) => errors.push(error.code))
    expect(await socket.emitWithAck('chat/send', { text: 7 })).toMatchObject({
      error: { code: 'invalid_payload', issues: [{ path: ['text'] }] },
    })
    expect(await socket.emitWithAck('nobody/home', 1)).toMatchObject({ error: { code: 'unknown_topic' } })
    expect(await socket.emitWithAck('subscribe', ['$user/x'])).toMatchObject({
      error: { code: 'reserved_topic' },
    })
    expect(await socket.emitWithAck('subscribe')).toMatchObject({ error: { code: 'bad_frame' } })
    expect(await socket.emitWithAck('echo', 1, 2)).toMatchObject({ error: { code: 'bad_frame' } })
    expect(await socket.emitWithAck('echo', { a: [Buffer.from('x')] })).toMatchObject({
      error: { code: 'binary_not_supported' },
    })
    socket.emit('nobody/home')
    await vi.waitFor(() => expect(errors).toEqual(['unknown_topic']))
  })

  it('receives topics that Socket.IO reserves as $message, and stays connected', async () => {
    const { url, app } = await start()
    const socket = connect(url)
    const heard: unknown[] = []
    const lost = vi.fn()
    socket.on('$message', (...args) => heard.push(args))
    socket.on('disconnect', lost)
    await socket.emitWithAck('subscribe', ['connect', 'disconnect', 'disconnecting'])
    for (const topic of ['connect', 'disconnect', 'disconnecting']) await app.publish(topic, 1)
    await vi.waitFor(() => expect(heard).toHaveLength(3))
    expect(heard[0]).toEqual([1, { topic: 'connect' }])
    expect(lost).not.toHaveBeenCalled()
  })

  it('gets its identity from auth before the query, with numbers as text, and receives $welcome', async () => {
    const { url, app } = await start()
    const queries: string[] = []
    app.sessions.onOpen((_session, { query }) => void queries.push(String(query)))
    const auth = { username: 'ada', roomID: '42', shop: 5, basket: {} }
    const socket = connect(url, { query: { username: 'mallory' }, auth })
    const welcome = vi.fn()
    socket.on('$welcome', welcome)
    const user = { id: 'ada', name: 'ada' }
    await vi.waitFor(() => expect(welcome).toHaveBeenCalledWith(expect.objectContaining({ user })))
    expect(queries).toEqual(['username=ada&roomID=42&shop=5'])
    expect((await socket.emitWithAck('room/members')).room).toBe('42')
  })

  it('is refused with the code in connect_error, and does not reconnect', async () => {
    const { url, app } = await start()
    app.sessions.onAuthenticate(({ token }) => {
      if (token !== 'secret') throw new RookeryError('unauthenticated')
      return { id: 'u1', name: 'Ada' }
    })
    const refused = connect(url, { auth: { token: 'wrong' } })
    const error = await new Promise<Error & { data?: object }>((resolve) =>
      refused.on('connect_error', resolve),
    )
    expect(error.data).toEqual({ code: 'unauthenticated', message: 'Authentication is required' })
    expect(refused.active).toBe(false)
    expect(app.sessions.size).toBe(0)
    await untilConnected(connect(url, { auth: { token: 'secret' } }))
  })

  it('reconnects after a retryable error, and not after another one', async () => {
    const { url, app } = await start()
    const socket = connect(url)
    const closes: unknown[] = []
    socket.on('$close', ({ error, reconnectAfter }) => closes.push([error.code, typeof reconnectAfter]))
    await untilConnected(socket)
    const lost = vi.fn()
    socket.on('disconnect', lost)
    for (const session of app.sessions) session.close(new RookeryError('slow_consumer'))
    await vi.waitFor(() => expect(lost).toHaveBeenCalledOnce())
    await untilConnected(socket)
    await vi.waitFor(() => expect(app.sessions.size).toBe(1))
    for (const session of app.sessions) session.close(new RookeryError('forbidden'))
    await vi.waitFor(() => expect(socket.active).toBe(false))
    expect(closes).toEqual([
      ['slow_consumer', 'number'],
      ['forbidden', 'object'],
    ])
  })

  it('that floods gets rate_limited, then is disconnected', async () => {
    const { url, app } = await start({ limits: { messageRate: 1, messageBurst: 5 } })
    const socket = connect(url, { reconnection: false })
    await untilConnected(socket)
    const answers = Promise.allSettled(
      Array.from({ length: 8 }, () => socket.timeout(2000).emitWithAck('echo', Buffer.from('x'))),
    )
    expect((await answers).map((answer) => answer.status === 'fulfilled' && answer.value.error.code)).toEqual(
      [...Array(5).fill('binary_not_supported'), ...Array(3).fill('rate_limited')],
    )
    for (let count = 0; count < 8; count++) socket.emit('echo', count)
    await vi.waitFor(() => expect(app.sessions.size).toBe(0))
  })

  it('that does not read is disconnected', async () => {
    const { url, app } = await start({ limits: { maxBuffered: 100_000 }, closeTimeout: 200 })
    const socket = connect(url, { transports: ['websocket'], reconnection: false })
    await socket.emitWithAck('subscribe', ['big'])
    // Pauses the TCP socket of the client.
    const raw = (socket.io.engine.transport as unknown as { ws: { _socket: { pause(): void } } }).ws
    raw._socket.pause()
    await vi.waitFor(
      async () => {
        for (let turn = 0; turn < 20; turn++) {
          await app.publish('big', 'x'.repeat(50_000))
          await new Promise(setImmediate)
        }
        expect(app.sessions.size).toBe(0)
      },
      { interval: 5 },
    )
  })

  it('that sends a deeply nested payload does not affect other clients', async () => {
    const { url } = await start()
    const attacker = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
    onTestFinished(() => attacker.terminate())
    const answered = vi.fn()
    attacker.on('message', (data) => {
      const text = String(data)
      if (text.startsWith('0')) attacker.send('40')
      if (text.startsWith('40')) attacker.send(`420["echo",${'['.repeat(30_000)}${']'.repeat(30_000)}]`)
      if (text.startsWith('43')) answered(text)
    })
    attacker.on('close', answered)
    await vi.waitFor(() => expect(answered).toHaveBeenCalled())
    expect(await connect(url).emitWithAck('echo', 'others')).toBe('others')
  })

  it('from an origin that is not allowed is refused, over WebSocket and over polling', async () => {
    const { url, app } = await start()
    for (const transport of ['polling', 'websocket']) {
      const socket = connect(url, {
        transports: [transport],
        reconnection: false,
        extraHeaders: { origin: 'https://evil.example' },
      })
      await new Promise((resolve) => socket.on('connect_error', resolve))
    }
    expect(app.sessions.size).toBe(0)
  })
})

it('a stopping server closes its sockets so that they reconnect', async () => {
  const { url, app } = await start()
  const socket = connect(url)
  const close = vi.fn()
  socket.on('$close', close)
  await untilConnected(socket)
  await app.stop()
  await vi.waitFor(() => expect(socket.connected).toBe(false))
  expect(close).toHaveBeenCalledWith(
    expect.objectContaining({ error: expect.objectContaining({ code: 'shutting_down' }) }),
  )
  expect(socket.active).toBe(true)
})

it('the server sends no message after its close frame, also none that waited for the client to read', async () => {
  const { url, app } = await start({ limits: { maxBuffered: 64 * 1024 * 1024 } })
  const socket = new FuzzSocket(url, '/socket.io/?EIO=4&transport=websocket')
  onTestFinished(() => socket.destroy())
  const faults: string[] = []
  let messages = 0
  socket.onFault = (what) => faults.push(what)
  socket.onText = (text) => {
    if (text.startsWith('0')) socket.write(textFrame('40'))
    if (text.startsWith('42["$welcome"')) socket.write(textFrame('420["subscribe",["news"]]'))
    if (text.startsWith('42["news"')) messages++
    if (!text.startsWith('430')) return
    socket.pause()
    const publish = async () => {
      for (let count = 0; count < 200; count++) {
        await app.publish('news', 'x'.repeat(100_000))
        await new Promise(setImmediate)
      }
      socket.write(frameOf(0x88, Buffer.from([0x03, 0xe8])))
      socket.resume()
    }
    void publish()
  }
  await socket.gone
  expect(socket.closed).toMatchObject({ code: 1000 })
  expect(messages).toBeGreaterThan(0)
  expect(faults).toEqual([])
})

it('a Socket.IO server of the application keeps its own events, and the plugin does not close it', async () => {
  const web = createServer()
  const server = new Server(web)
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  server.on('connection', (socket) => socket.on('mine', (_payload, ack) => ack('mine')))
  const app = createApp({ logger: 'silent', plugins: [socketio({ server })] })
  app.handle('echo', (_ctx, payload) => payload)
  await app.start()
  const socket = connect(`http://127.0.0.1:${(web.address() as AddressInfo).port}`)
  const heard = vi.fn()
  socket.on('news', heard)
  await socket.emitWithAck('subscribe', ['news'])
  await app.publish('news', 1)
  await vi.waitFor(() => expect(heard).toHaveBeenCalledWith(1))
  expect(await socket.emitWithAck('echo', 'ours')).toBe('ours')
  const lost = vi.fn()
  socket.on('disconnect', lost)
  await app.stop()
  await vi.waitFor(() => expect(lost).toHaveBeenCalledOnce())
  await untilConnected(socket)
  expect(await socket.emitWithAck('mine', 0)).toBe('mine')
})
