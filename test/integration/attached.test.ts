import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastifyWebSocket from '@fastify/websocket'
import fastify from 'fastify'
import { createApp } from 'rookery'
import { http } from 'rookery/http'
import { websocket } from 'rookery/websocket'
import { Server as SocketIoServer } from 'socket.io'
import { io } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { BareClient } from '../support/bare-client.ts'
import { open } from '../support/raw-socket.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'
import {
  closeWithTest,
  createFullApp,
  listening,
  ownListener,
  USER_SERVER_KINDS,
  urlOf,
} from '../support/server-kinds.ts'

// The tests use a self-signed certificate.
beforeAll(() => void vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0'))
afterAll(() => void vi.unstubAllEnvs())

/** A server of node:http that belongs to the user. */
const openServer = async (): Promise<Server> => {
  const server = await listening(createServer(ownListener))
  closeWithTest(server)
  return server
}

/** The first message of a WebSocket. */
const firstMessage = async (url: string, path: string): Promise<string> => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`)
  onTestFinished(() => socket.terminate())
  const [data] = await once(socket, 'message')
  return String(data)
}

const isWelcome = async (url: string, path = '/api/v1/ws') =>
  expect(JSON.parse(await firstMessage(url, path))).toMatchObject({ type: 'welcome' })

/** A WebSocket server of the package `ws` that the user attaches, which answers other paths with 400. */
const attachWs = (server: Server, path: string): WebSocketServer => {
  const own = new WebSocketServer({ server, path })
  own.on('connection', (socket) => socket.send(`own ${path}`))
  return own
}

const listenersOf = (server: Server) => ({
  request: server.rawListeners('request'),
  upgrade: server.rawListeners('upgrade'),
  newListener: server.rawListeners('newListener'),
  removeListener: server.rawListeners('removeListener'),
})

describe.each(Object.entries(USER_SERVER_KINDS))('an app on %s', (_name, openKind) => {
  it('lets the user’s WebSocket servers work, whenever they are added and removed', async () => {
    const server = await openKind()
    closeWithTest(server)
    const url = urlOf(server)
    const before = attachWs(server, '/before')
    const { app } = createFullApp({ server })
    await app.start()
    const after = attachWs(server, '/after')
    await isWelcome(url)
    // Two servers of `ws` refuse each other's paths, also without the app.
    after.close()
    expect(await firstMessage(url, '/before')).toBe('own /before')
    await isWelcome(url)
    before.close()
    const late = attachWs(server, '/late')
    expect(await firstMessage(url, '/late')).toBe('own /late')
    await isWelcome(url)
    await app.stop()
    expect(await firstMessage(url, '/late')).toBe('own /late')
    late.close()
  })

  it('restores the listeners of the server when it stops', async () => {
    const server = await openKind()
    closeWithTest(server)
    server.once('request', () => {})
    const before = listenersOf(server)
    const { app } = createFullApp({ server })
    await app.start()
    const added = () => {}
    server.on('request', added)
    await isWelcome(urlOf(server))
    await app.stop()
    server.off('request', added)
    expect(listenersOf(server)).toEqual(before)
    expect(server.listening).toBe(true)
  })
})

describe('two apps on one server', () => {
  it.each([
    ['the first', 0],
    ['the second', 1],
  ])('both work, and the other still works when %s has stopped', async (_which, first) => {
    const server = await openServer()
    const url = urlOf(server)
    const before = listenersOf(server)
    const paths = ['/one', '/two']
    const apps = paths.map((path) =>
      createApp({ plugins: [http({ server }), websocket({ path })], logger: 'silent' }),
    )
    for (const app of apps) await app.start()
    for (const path of paths) await isWelcome(url, path)
    expect(await (await fetch(`${url}/mine`)).text()).toBe('mine')
    await apps[first]?.stop()
    await isWelcome(url, paths[1 - first])
    expect((await fetch(`${url}${paths[first]}`)).headers.get('x-own')).toBe('404')
    await apps[1 - first]?.stop()
    expect(await (await fetch(`${url}/mine`)).text()).toBe('mine')
    expect(listenersOf(server)).toEqual(before)
  })

  it('cannot use the same path', async () => {
    const server = await openServer()
    const apps = [1, 2].map(() =>
      createApp({ plugins: [http({ server }), websocket({ path: '/same' })], logger: 'silent' }),
    )
    onTestFinished(async () => {
      for (const app of apps) await app.stop()
    })
    await apps[0]?.start()
    await expect(apps[1]?.start()).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining("'/same'"),
    })
    await isWelcome(urlOf(server), '/same')
  })
})

describe('the user’s Socket.IO server', () => {
  it.each(['before', 'after'])('works beside the app when attached %s it', async (order) => {
    const server = await openServer()
    const url = urlOf(server)
    const attach = () => {
      const own = new SocketIoServer(server, { path: '/own-io' })
      own.on('connection', (socket) => socket.emit('hello', 'own'))
      return own
    }
    let own = order === 'before' ? attach() : undefined
    const { app } = createFullApp({ server })
    await app.start()
    own ??= attach()
    for (const transport of ['polling', 'websocket']) {
      const socket = io(url, { path: '/own-io', transports: [transport], forceNew: true })
      onTestFinished(() => void socket.close())
      expect(await new Promise((resolve) => socket.once('hello', resolve))).toBe('own')
    }
    await isWelcome(url)
    expect((await fetch(`${url}/api/v1/sse`, { method: 'HEAD' })).status).toBe(200)
    expect(await (await fetch(`${url}/mine`)).text()).toBe('mine')
    await app.stop()
    expect(await (await fetch(`${url}/mine`)).text()).toBe('mine')
    expect((await fetch(`${url}/own-io/?EIO=4&transport=polling`)).status).toBe(200)
    own.disconnectSockets(true)
    own.engine.close()
  })
})

describe('@fastify/websocket', () => {
  it('works beside the app', async () => {
    const server = fastify({ forceCloseConnections: true })
    await server.register(fastifyWebSocket)
    server.get('/own', { websocket: true }, (socket) => socket.send('own'))
    const { app } = createFullApp({ server: server.server })
    await server.ready()
    await app.start()
    await server.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(() => server.close())
    const url = urlOf(server.server)
    expect(await firstMessage(url, '/own')).toBe('own')
    await isWelcome(url)
  })
})

describe('the user’s server', () => {
  it('may listen on a Unix domain socket, and after the app has started', async () => {
    const server = createServer(ownListener)
    const { app } = createFullApp({ server })
    await app.start()
    const path = join(tmpdir(), `rookery-${crypto.randomUUID()}.sock`)
    await new Promise<void>((resolve) => server.listen(path, resolve))
    closeWithTest(server)
    const socket = createConnection(path)
    onTestFinished(() => void socket.destroy())
    let text = ''
    socket.on('data', (data) => {
      text += data
    })
    socket.write('GET /mine HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await vi.waitFor(() => expect(text).toContain('mine'))
    socket.write(RawWebSocket.request('http://localhost'))
    await vi.waitFor(() => expect(text).toContain('"type":"welcome"'))
  })

  it('without listeners answers 404 to other paths through the app', async () => {
    const server = await listening(createServer())
    closeWithTest(server)
    const { app } = createFullApp({ server, health: { live: '/live', ready: '/ready/' } })
    await app.start()
    const url = urlOf(server)
    const missing = await fetch(`${url}/healthz`)
    expect([missing.status, await missing.json()]).toEqual([
      404,
      { error: { code: 'not_found', message: 'There is nothing here' } },
    ])
    expect(await (await fetch(`${url}/live`)).json()).toEqual({ status: 'ok' })
    expect((await fetch(`${url}/ready`)).status).toBe(200)
  })

  it('keeps its CONNECT tunnels, its idle timeout and its connections', async () => {
    const server = await openServer()
    server.timeout = 300
    server.on('connect', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nthrough'))
    const { app } = createFullApp({ server })
    await app.start()
    const url = urlOf(server)
    const tunnel = open(url)
    tunnel.socket.write('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n')
    await vi.waitFor(() => expect(tunnel.text()).toContain('through'))
    // The idle timeout of the server does not apply to streams and upgraded sockets.
    const [stream, ws, idle] = [open(url), new BareClient(`${url}/api/v1/ws`), open(url)]
    stream.socket.write('GET /api/v1/sse?topic=a/* HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await vi.waitFor(() => expect(stream.text()).toContain('"type":"welcome"'))
    await ws.until(({ type }) => type === 'welcome')
    await once(idle.socket, 'close')
    const later = open(url)
    await once(later.socket, 'close')
    expect(stream.socket.destroyed).toBe(false)
    expect(app.sessions.size).toBe(2)
    await app.publish('a/1', 'still there')
    await vi.waitFor(() => expect(stream.text()).toContain('still there'))
    const kept = open(url)
    kept.socket.write('GET /mine HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await vi.waitFor(() => expect(kept.text()).toContain('mine'))
    await app.stop()
    kept.socket.write('GET /mine HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await vi.waitFor(() => expect(kept.text().match(/mine/g)).toHaveLength(2))
  })
})
