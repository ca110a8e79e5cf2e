import { createServer } from 'node:http'
import { type AddressInfo, createConnection } from 'node:net'
import { Readable } from 'node:stream'
import { Hono } from 'hono'
import { createApp, definePlugin, RookeryError } from 'rookery'
import { HttpRoutes, HttpServer, http } from 'rookery/http'
import { websocket } from 'rookery/websocket'
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
  it('serves the user’s routes, those of plugins before them, and coded errors', async () => {
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

  it('says whether it lives and whether it takes connections', async () => {
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

  it('takes bodies of a length that nobody has said, and refuses them over the limit', async () => {
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

  it('tells which port is in use, and how to go on', async () => {
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
  it('does not wait for connections that have asked for nothing yet, or are done', async () => {
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

describe('origins', () => {
  it('other than the own host cannot upgrade, unless they are allowed', async () => {
    const { url } = await startApp({ http: { allowedOrigins: ['https://app.example'] } })
    const at = `${url}/api/v1/ws`
    expect(await upgrade(at, { origin: 'https://evil.example' })).toBe(403)
    expect(await upgrade(at, { origin: 'null' })).toBe(403)
    expect(await upgrade(at, { origin: 'https://app.example.evil.example' })).toBe(403)
    expect(await upgrade(at, { origin: 'https://app.example' })).toBe(101)
    expect(await upgrade(at, { origin: url })).toBe(101)
    expect(await upgrade(at)).toBe(101)
  })

  it('that are allowed get CORS headers, others get none', async () => {
    const { url } = await startApp({ http: { allowedOrigins: (origin) => origin.endsWith('.example') } })
    const cors = async (origin: string) =>
      (await get(`${url}/healthz`, { headers: { origin } })).headers.get('access-control-allow-origin')
    expect(await cors('https://app.example')).toBe('https://app.example')
    expect(await cors('https://evil.test')).toBeNull()
  })

  it('are checked when the app is made', () => {
    for (const allowedOrigins of [['https://a.example/'], ['a.example'], 'https://a.example', [7]]) {
      expect(() => http({ allowedOrigins: allowedOrigins as never })).toThrow(
        /allowedOrigins.*https:\/\/example.com/,
      )
    }
  })
})

describe('upgrade requests', () => {
  it('to other paths and without a proper handshake are answered, not left hanging', async () => {
    const { url, app } = await startApp({ websocket: { path: '/live' } })
    expect(await upgrade(`${url}/api/v1/ws`)).toBe(404)
    expect(await upgrade(`${url}//`)).toBe(404)
    expect(await upgrade(`${url}/live?x=1`)).toBe(101)
    expect(await upgrade(`${url}/live`, { 'sec-websocket-version': '7' })).toBe(400)
    await vi.waitFor(() => expect(app.sessions.size).toBe(0))
  })
})

describe('a server of the user’s own', () => {
  it('keeps its own requests and upgrades, and is not closed', async () => {
    const server = createServer((_request, response) => response.end('mine'))
    server.on('upgrade', (request, socket) => {
      if (request.url === '/hmr') socket.end('HTTP/1.1 418 Teapot\r\n\r\n')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const app = createApp({ logger: 'silent', plugins: [http({ server }), websocket()] })
    await app.start()
    expect(app.scope.get(HttpServer).url).toBe(url)
    expect((await get(`${url}/anything`)).text).toBe('mine')
    expect((await get(`${url}/readyz`)).status).toBe(200)
    expect(await upgrade(`${url}/hmr`)).toBe(418)
    await connectBare(url)
    await app.stop()
    expect(server.listening).toBe(true)
    expect((await get(`${url}/readyz`)).text).toBe('mine')
  })

  it('excludes port and hostname', () => {
    expect(() => http({ server: createServer(), port: 1 })).toThrow(/leave out 'port'/)
    expect(() => http({ server: createServer(), port: 1, maxSockets: 1 })).toThrow(/'port' and 'maxSockets'/)
  })
})
