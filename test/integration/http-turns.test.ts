import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import { type AddressInfo, createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { createApp } from 'rookery'
import { http } from 'rookery/http'
import { websocket } from 'rookery/websocket'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { BareClient } from '../support/bare-client.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'
import { ask, startThree, welcomeBy } from '../support/three-transports.ts'

/** Milliseconds that a request takes, without letting anybody else in. */
const COST = 1

const FLOOD = 400

/** Routes of which one keeps the event loop busy, and how often that has been asked for. */
const countFlood = () => {
  const flood = { handled: 0 }
  const routes = new Hono()
    .get('/flood', (c) => {
      flood.handled++
      const end = performance.now() + COST
      while (performance.now() < end);
      return c.text(`answer ${flood.handled}`)
    })
    .get('/large', (c) => {
      flood.handled++
      return c.text('x'.repeat(100_000))
    })
    .post('/hash', async (c) => {
      const hash = createHash('sha256').update(Buffer.from(await c.req.arrayBuffer()))
      return c.text(hash.digest('hex'))
    })
  return { flood, routes }
}

const untilHandled = (flood: { handled: number }, count: number) =>
  vi.waitFor(() => expect(flood.handled).toBeGreaterThanOrEqual(count), { timeout: 20_000, interval: 5 })

/** A connection that is read into a string; closed with the test. */
const open = (url: string): { socket: Socket; text: () => string } => {
  const { hostname, port } = new URL(url)
  const socket = createConnection(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (data) => {
    text += data.toString('latin1')
  })
  return { socket, text: () => text }
}

const get = (path: string, count = 1): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(count)

const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A server of the user's own that listens, and an app on it. */
const startOn = async (server: Server, at: string | { port: number; host: string }) => {
  const app = createApp({ plugins: [http({ server }), websocket()], logger: 'silent' })
  app.handle('echo', (_ctx, payload) => payload)
  await app.start()
  onTestFinished(() => app.stop())
  await new Promise<void>((resolve) => server.listen(at, resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return app
}

describe('a flood of requests over one connection', () => {
  it('keeps no session waiting until it is answered, and is answered in order', async () => {
    const { flood, routes } = countFlood()
    const { url } = await startThree({ http: { routes } })
    const honest = await welcomeBy('websocket', url)
    const { socket, text } = open(url)
    socket.write(get('/flood', FLOOD))
    await untilHandled(flood, 1)
    for (let question = 0; question < 5; question++) {
      expect(await ask(honest, { topic: 'echo', payload: question })).toBe(question)
    }
    expect(flood.handled).toBeLessThan(FLOOD)
    const answers = () => [...text().matchAll(/answer (\d+)/g)].map(([, number]) => Number(number))
    await vi.waitFor(() => expect(answers()).toHaveLength(FLOOD), { timeout: 20_000 })
    expect(answers()).toEqual(Array.from({ length: FLOOD }, (_, index) => index + 1))
  })

  it('is not handled much further than its answers are read', async () => {
    const { flood, routes } = countFlood()
    const { url } = await startThree({ http: { routes } })
    const honest = await welcomeBy('websocket', url)
    const { socket, text } = open(url)
    socket.pause()
    socket.write(get('/large', FLOOD))
    await untilHandled(flood, 1)
    let seen = 0
    while (seen < flood.handled) {
      seen = flood.handled
      for (let question = 0; question < 20; question++) await ask(honest, { topic: 'echo', payload: 0 })
    }
    expect(flood.handled).toBeLessThan(FLOOD)
    socket.resume()
    await vi.waitFor(() => expect(text().match(/HTTP\/1\.1 200 OK/g)).toHaveLength(FLOOD), {
      timeout: 20_000,
    })
    expect(flood.handled).toBe(FLOOD)
  })

  it('ends with its connection', async () => {
    const { flood, routes } = countFlood()
    const { url } = await startThree({ http: { routes } })
    const { socket } = open(url)
    socket.write(get('/flood', FLOOD))
    await untilHandled(flood, 1)
    socket.resetAndDestroy()
    const honest = await welcomeBy('websocket', url)
    expect(await ask(honest, { topic: 'echo', payload: 1 })).toBe(1)
    const { handled } = flood
    expect(handled).toBeLessThan(FLOOD)
    expect(await (await fetch(`${url}/flood`)).text()).toBe(`answer ${handled + 1}`)
  })
})

describe('a body', () => {
  it('arrives whole, and so do the requests after it', async () => {
    const { routes } = countFlood()
    const { url } = await startApp({ http: { routes } })
    const bodies = ['x'.repeat(1_000_000), '', 'y', 'z'.repeat(70_000)]
    const { socket, text } = open(url)
    socket.write(bodies.map((body) => post('/hash', body) + get('/healthz')).join(''))
    const statuses = bodies.length * 2
    await vi.waitFor(() => expect(text().match(/HTTP\/1\.1 200 OK/g)).toHaveLength(statuses), {
      timeout: 8000,
    })
    const hashes = [...text().matchAll(/[0-9a-f]{64}/g)].map(([hash]) => hash)
    expect(hashes).toEqual(bodies.map(sha256))
  })

  it('may come in chunks, and in any pace', async () => {
    const { routes } = countFlood()
    const { url } = await startApp({ http: { routes } })
    const sending = request(`${url}/hash`, { method: 'POST' })
    const answer = once(sending, 'response')
    for (let part = 0; part < 50; part++) {
      await new Promise((resolve) => sending.write(`${part}`.repeat(1000), resolve))
    }
    sending.end()
    const [response] = await answer
    let text = ''
    for await (const chunk of response) text += chunk
    expect(text).toBe(sha256(Array.from({ length: 50 }, (_, part) => `${part}`.repeat(1000)).join('')))
  })
})

describe('a server of the user’s own', () => {
  it('may listen on a Unix domain socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rookery-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const socketPath = join(folder, 'http')
    await startOn(createServer(), socketPath as never)
    const [response] = await once(request({ socketPath, path: '/healthz' }).end(), 'response')
    expect(response.statusCode).toBe(200)
    response.resume()
  })

  it('goes on with its connections when the app has stopped', async () => {
    const server = createServer((_request, response) => response.end('own'))
    const app = await startOn(server, { port: 0, host: '127.0.0.1' })
    const { port } = server.address() as AddressInfo
    const { socket, text } = open(`http://127.0.0.1:${port}`)
    socket.write(get('/healthz'))
    await vi.waitFor(() => expect(text()).toContain('{"status":"ok"}'))
    await app.stop()
    socket.write(get('/', 100))
    await vi.waitFor(() => expect(text().match(/\bown/g)).toHaveLength(100))
  })

  it('may be shared by two apps, of which either may stop first', async () => {
    const server = createServer((_request, response) => response.end('own'))
    const own = server.listeners('request')
    const first = await startOn(server, { port: 0, host: '127.0.0.1' })
    const second = createApp({
      plugins: [http({ server }), websocket({ path: '/second' })],
      logger: 'silent',
    })
    await second.start()
    onTestFinished(() => second.stop())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const before = open(url)
    const answers = async (count: number) => {
      before.socket.write(get('/', 100))
      await vi.waitFor(() => expect(before.text().match(/\bown/g)).toHaveLength(count))
    }
    const isWelcome = async (path: string) =>
      await new BareClient(`${url}${path}`).until(({ type }) => type === 'welcome')
    await answers(100)
    await isWelcome('/api/v1/ws')
    await isWelcome('/second')
    const tunnel = open(url)
    tunnel.socket.write('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n')
    await once(tunnel.socket, 'close')
    await first.stop()
    await answers(200)
    await isWelcome('/second')
    await second.stop()
    await answers(300)
    expect(server.listeners('request')).toEqual(own)
  })

  it('may have others who end a connection that asks for an upgrade', async () => {
    const server = createServer()
    server.on('upgrade', (_request, socket) => socket.destroy(new Error('not for us')))
    await startOn(server, { port: 0, host: '127.0.0.1' })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { socket, text } = open(url)
    socket.write(RawWebSocket.request(url))
    await once(socket, 'close')
    expect(text()).toBe('')
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('closes connections that ask for a tunnel, unless somebody takes them', async () => {
    const server = createServer()
    await startOn(server, { port: 0, host: '127.0.0.1' })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const connect = 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n'
    const refused = open(url)
    refused.socket.write(connect)
    await once(refused.socket, 'close')
    expect(refused.text()).toBe('')
    server.on('connect', (_request, socket, head) => {
      onTestFinished(() => void socket.destroy())
      socket.write(`through:${head}`)
      socket.on('data', (data) => socket.write(data))
    })
    const taken = open(url)
    taken.socket.write(`${connect}one`)
    await vi.waitFor(() => expect(taken.text()).toBe('through:one'))
    taken.socket.write('two')
    await vi.waitFor(() => expect(taken.text()).toBe('through:onetwo'))
  })
})

describe('an upgrade', () => {
  it('loses nothing of what comes in one piece with it', async () => {
    const seen: unknown[] = []
    const limits = { messageRate: 10_000, messageBurst: 10_000 }
    const { url } = await startApp({
      limits,
      prepare: (app) => void app.handle('count', (_ctx, payload) => void seen.push(payload)),
    })
    const frame = (count: number) => {
      const body = Buffer.from(JSON.stringify({ topic: 'count', payload: count }))
      return Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body])
    }
    const frames = Buffer.concat(Array.from({ length: 1000 }, (_, count) => frame(count)))
    const { socket, text } = open(url)
    socket.write(get('/healthz'))
    await vi.waitFor(() => expect(text()).toContain('{"status":"ok"}'))
    socket.write(Buffer.concat([Buffer.from(RawWebSocket.request(url)), frames]))
    await vi.waitFor(() => expect(seen).toHaveLength(1000), { timeout: 8000 })
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, count) => count))
  })
})
