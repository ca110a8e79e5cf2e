import { createServer } from 'node:http'
import { type AddressInfo, createConnection } from 'node:net'
import { Readable } from 'node:stream'
import { Hono } from 'hono'
import { createApp, definePlugin, RookeryError } from 'rookery'
import { HttpRoutes, HttpServer, http, NodeHandler } from 'rookery/http'
import { sse } from 'rookery/sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { upgradeAnswer } from '../support/upgrade-answer.ts'

const get = async (url: string, init?: RequestInit) => {
  const response = await fetch(url, init)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** Status of the answer to an upgrade request. */
const upgrade = async (url: string, headers?: Readonly<Record<string, string>>) =>
  (await upgradeAnswer(url, headers)).status

describe('http', () => {
  it('serves the routes of plugins, then the user’s routes, and answers coded errors', async () => {
    const plugin = definePlugin({
      name: 'metrics',
      requires: [HttpRoutes],
      start: (scope) => {
        const routes = scope.get(HttpRoutes)
        routes.get('/metrics', (c) => c.text('up 1'))
        routes.get('/refused', () => {
          throw new RookeryError('forbidden', 'Not you')
        })
        routes.get('/broken', () => {
          throw new Error('secret')
        })
      },
    })
    const routes = new Hono().get('/hello', (c) => c.text('hi')).get('/metrics', (c) => c.text('hidden'))
    const { url, lines } = await startApp({ http: { routes }, plugins: [plugin] })
    expect(await get(`${url}/hello`)).toMatchObject({ status: 200, text: 'hi' })
    expect(await get(`${url}/metrics`)).toMatchObject({ text: 'up 1' })
    expect(await get(`${url}/nothing`)).toMatchObject({ status: 404 })
    expect(JSON.parse((await get(`${url}/refused`)).text)).toEqual({
      error: { code: 'forbidden', message: 'Not you' },
    })
    const { error } = JSON.parse((await get(`${url}/broken`)).text)
    expect(error).toEqual({ code: 'internal', message: 'Internal error', id: expect.any(String) })
    expect(lines.some(({ errorId }) => errorId === error.id)).toBe(true)
  })

  it('answers the health checks: whether the process runs, and whether the app takes connections', async () => {
    let finish = () => {}
    const { url, app } = await startApp({
      prepare: (app) =>
        void app.handle(
          'wait',
          () =>
            new Promise<void>((resolve) => {
              finish = resolve
            }),
        ),
    })
    expect(await get(`${url}/healthz`)).toMatchObject({ status: 200, text: '{"status":"ok"}' })
    const head = await get(`${url}/healthz`, { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, text: '' })
    expect(Object.fromEntries(head.headers)).toMatchObject({
      'content-type': 'application/json',
      'content-length': '15',
    })
    expect(await get(`${url}/readyz`)).toMatchObject({ status: 200, text: '{"status":"ready","checks":{}}' })
    const client = await connectBare(url)
    const reply = client.ask({ topic: 'wait' })
    await client.ask({ topic: 'nobody' })
    const stopping = app.stop()
    expect(await get(`${url}/readyz`)).toMatchObject({
      status: 503,
      text: '{"status":"stopping","checks":{}}',
    })
    expect(await get(`${url}/healthz`)).toMatchObject({ status: 200 })
    const late = new BareClient(`${url}/api/v1/ws`)
    expect(await late.untilClosed()).toEqual({ code: 1001, reason: 'shutting_down' })
    finish()
    expect((await reply).error).toBeUndefined()
    await stopping
  })

  it('refuses bodies over the limit', async () => {
    const routes = new Hono().post('/echo', async (c) => c.text(String((await c.req.text()).length)))
    const { url } = await startApp({ http: { routes, bodyLimit: 1000 } })
    expect(await get(`${url}/echo`, { method: 'POST', body: 'x'.repeat(1000) })).toMatchObject({
      text: '1000',
    })
    const refused = await get(`${url}/echo`, { method: 'POST', body: 'x'.repeat(1001) })
    expect(refused.status).toBe(413)
    expect(JSON.parse(refused.text).error.code).toBe('payload_too_large')
  })

  it('accepts bodies without a content length, and refuses them over the limit', async () => {
    const routes = new Hono().post('/echo', async (c) => c.text(String((await c.req.text()).length)))
    const { url } = await startApp({ http: { routes, bodyLimit: 1000 } })
    const inParts = (parts: number) =>
      ({
        method: 'POST',
        body: Readable.from(Array.from({ length: parts }, () => Buffer.alloc(100, 'x'))),
        duplex: 'half',
      }) as unknown as RequestInit
    expect(await get(`${url}/echo`, inParts(10))).toMatchObject({ status: 200, text: '1000' })
    const refused = await get(`${url}/echo`, inParts(11))
    expect(JSON.parse(refused.text).error.code).toBe('payload_too_large')
  })

  it('names the port that is in use, and suggests another', async () => {
    const { url } = await startApp()
    const app = createApp({
      logger: 'silent',
      plugins: [http({ port: Number(new URL(url).port), hostname: '127.0.0.1' })],
    })
    await expect(app.start()).rejects.toMatchObject({
      code: 'plugin_failed',
      message: expect.stringContaining('another `port`'),
    })
    expect(app.state).toBe('stopped')
  })
})

describe('a server that stops', () => {
  it('does not wait for idle connections, with or without an earlier request', async () => {
    const { url, app } = await startApp()
    const silent = createConnection(Number(new URL(url).port), '127.0.0.1')
    const done = createConnection(Number(new URL(url).port), '127.0.0.1')
    for (const socket of [silent, done]) socket.on('error', () => {})
    done.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((resolve) => done.once('data', resolve))
    const closed = Promise.all(
      [silent, done].map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    )
    for (const socket of [silent, done]) socket.resume()
    await Promise.race([app.stop(), closed])
    await closed
  })
})

describe('upgrade requests', () => {
  it('to other paths or without a valid handshake are answered, not left open', async () => {
    const { url, app } = await startApp({ websocket: { path: '/live' } })
    expect(await upgrade(`${url}/api/v1/ws`)).toBe(404)
    expect(await upgrade(`${url}//`)).toBe(404)
    expect(await upgrade(`${url}/live?x=1`)).toBe(101)
    expect(await upgrade(`${url}/live`, { 'sec-websocket-version': '7' })).toBe(400)
    await vi.waitFor(() => expect(app.sessions.size).toBe(0))
  })
})

describe('an ordinary client', () => {
  /** What a server answers to some bytes, on a connection of its own that is read to its end. */
  const say = (url: string, text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(url)
      const socket = createConnection(Number(port), hostname, () => socket.write(text))
      let answer = ''
      socket.on('data', (data) => {
        answer += data
      })
      socket.on('close', () => resolve(answer))
      socket.on('error', reject)
    })

  it('may send HTTP/1.0 without Host, OPTIONS * and absolute targets', async () => {
    const routes = new Hono().get('/hello', (c) => c.text('hi'))
    const { url } = await startApp({ http: { routes }, plugins: [sse()] })
    expect(await say(url, 'OPTIONS / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 204/)
    expect(await say(url, 'GET /readyz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200/)
    expect(await say(url, 'OPTIONS /readyz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200/)
    expect(await say(url, 'GET /hello HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200[\s\S]*hi$/)
    const closing = 'Host: x\r\nConnection: close\r\n\r\n'
    expect(await say(url, `OPTIONS * HTTP/1.1\r\n${closing}`)).toMatch(/^HTTP\/1.1 204/)
    expect(await say(url, `GET http://x/hello HTTP/1.1\r\n${closing}`)).toMatch(/^HTTP\/1.1 200[\s\S]*hi/)
    expect(await say(url, `GET http://x/healthz HTTP/1.1\r\n${closing}`)).toMatch(/^HTTP\/1.1 200/)
    expect(await say(url, `HEAD http://x/api/v1/sse HTTP/1.1\r\n${closing}`)).toMatch(/^HTTP\/1.1 200/)
    expect(await say(url, `GET //healthz HTTP/1.1\r\n${closing}`)).toMatch(/^HTTP\/1.1 404/)
  })

  it('is told on the path of the WebSocket that it accepts upgrades only', async () => {
    const { url } = await startApp()
    const { status, text, headers } = await get(`${url}/api/v1/ws`)
    expect([status, JSON.parse(text).error.code, headers.get('upgrade')]).toEqual([
      426,
      'protocol_mismatch',
      'websocket',
    ])
  })
})

describe('NodeHandler', () => {
  it('answers 404 on other paths without a `next` function', async () => {
    const app = createApp({ logger: 'silent', plugins: [http({ server: false }), sse()] })
    await app.start()
    onTestFinished(() => app.stop())
    const { request } = app.scope.get(NodeHandler)
    const server = createServer((incoming, response) => request(incoming, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(JSON.parse((await get(`${url}/x`)).text).error.code).toBe('not_found')
    expect((await get(`${url}/api/v1/sse`, { method: 'HEAD' })).status).toBe(200)
    expect(() => app.scope.get(HttpServer).url).toThrow(/NodeHandler/)
    expect(() => app.scope.get(HttpRoutes)).toThrow(/no routes/)
  })
})
