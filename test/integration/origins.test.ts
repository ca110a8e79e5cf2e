import type { Server } from 'node:http'
import { request } from 'node:http'
import { createServer as createHttpsServer, request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { createApp } from 'rookery'
import { type AllowedOrigins, type HttpOptions, HttpServer, http } from 'rookery/http'
import { describe, expect, it, vi } from 'vitest'
import { closeWithTest, createFullApp, listening, ownListener, urlOf } from '../support/server-kinds.ts'
import { TLS } from '../support/tls.ts'
import { UPGRADE } from '../support/upgrade-answer.ts'

type Headers = Readonly<Record<string, string>>

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: NodeJS.Dict<string | string[]>
}

/** The beginning of the answer to a request; a stream is cut off. */
const ask = (url: string, headers: Headers = {}, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const options = { method, headers, agent: false, rejectUnauthorized: false }
    const asking = (url.startsWith('https') ? httpsRequest : request)(url, options, (response) => {
      const { statusCode, headers } = response
      if (headers['content-type']?.startsWith('text/event-stream')) {
        resolve({ status: statusCode as number, text: '', headers })
        asking.destroy()
      } else text(response).then((text) => resolve({ status: statusCode as number, text, headers }), reject)
    })
    asking.on('upgrade', ({ statusCode, headers }, socket) => {
      socket.destroy()
      resolve({ status: statusCode as number, text: '', headers })
    })
    asking.on('error', reject)
    asking.end()
  })

const start = async (options: HttpOptions = {}) => {
  const { app, lines } = createFullApp({ port: 0, hostname: '127.0.0.1', ...options })
  await app.start()
  return { app, lines, url: app.scope.get(HttpServer).url }
}

const ROUTES: Readonly<Record<string, (url: string, headers?: Headers) => Promise<Answer>>> = {
  WebSocket: (url, headers) => ask(`${url}/api/v1/ws`, { ...UPGRADE, ...headers }),
  'server-sent events': (url, headers) => ask(`${url}/api/v1/sse`, headers),
  'Socket.IO by polling': (url, headers) => ask(`${url}/socket.io/?EIO=4&transport=polling`, headers),
  'Socket.IO by WebSocket': (url, headers) =>
    ask(`${url}/socket.io/?EIO=4&transport=websocket`, { ...UPGRADE, ...headers }),
}

describe.each(Object.entries(ROUTES))('origins over %s', (_name, connect) => {
  const statusOf = async (url: string, headers: Headers) => (await connect(url, headers)).status
  const served = (status: number) => expect([101, 200]).toContain(status)

  it('may connect if they are the server’s own or listed; others are refused', async () => {
    const { url } = await start({
      allowedOrigins: ['https://app.example', 'capacitor://localhost', 'app://x'],
    })
    for (const origin of [url, 'https://app.example', 'capacitor://localhost', 'app://x']) {
      served(await statusOf(url, { origin }))
    }
    served(await statusOf(url, {}))
    const { host } = new URL(url)
    for (const origin of [
      'https://evil.example',
      'http://app.example',
      'https://app.example.evil.example',
      'https://app.example:444',
      'null',
      'capacitor://elsewhere',
      `ftp://${host}`,
      `http://${host}.evil.example`,
      'http://127.0.0.1',
      '',
      'x'.repeat(5000),
    ]) {
      expect([origin, await statusOf(url, { origin })]).toEqual([origin, 403])
    }
  })

  it('are compared with the default port of their scheme', async () => {
    const { url } = await start()
    served(await statusOf(url, { host: 'x:443', origin: 'https://x' }))
    served(await statusOf(url, { host: 'x', origin: 'https://x:443' }))
    served(await statusOf(url, { host: 'X:80', origin: 'http://x' }))
    expect(await statusOf(url, { host: 'x:443', origin: 'http://x' })).toBe(403)
    expect(await statusOf(url, { host: 'x:80', origin: 'https://x' })).toBe(403)
  })

  it.each<[string, AllowedOrigins]>([
    ['a function', (origin) => origin.endsWith('.example')],
    ['a function with a promise', async (origin) => origin.endsWith('.example')],
  ])('may be decided by %s', async (_what, allowedOrigins) => {
    const { url } = await start({ allowedOrigins })
    served(await statusOf(url, { origin: 'https://a.example' }))
    expect(await statusOf(url, { origin: 'https://a.test' })).toBe(403)
  })

  it.each<[string, unknown]>([
    ['throws', () => JSON.parse('{')],
    ['rejects', async () => JSON.parse('{')],
    ['returns a value that is not true', () => 'yes'],
    ['resolves to a value that is not true', async () => 1],
    [
      'returns a thenable that resolves to false',
      // biome-ignore lint/suspicious/noThenProperty: some libraries have promises of their own
      () => ({ then: (resolve: (x: boolean) => void) => resolve(false) }),
    ],
  ])('are refused by a function that %s', async (_what, allowedOrigins) => {
    const { url } = await start({ allowedOrigins: allowedOrigins as AllowedOrigins })
    expect(await statusOf(url, { origin: 'https://a.example' })).toBe(403)
    served(await statusOf(url, { origin: url }))
  })

  it('are refused when a function does not decide in time, and routes answer without CORS headers', async () => {
    const { app } = createFullApp(
      { port: 0, hostname: '127.0.0.1', allowedOrigins: () => new Promise(() => {}) },
      { handshakeTimeout: '50ms' },
    )
    await app.start()
    const { url } = app.scope.get(HttpServer)
    expect(await statusOf(url, { origin: 'https://a.example' })).toBe(408)
    expect((await ask(`${url}/healthz`, { origin: 'https://a.example' })).status).toBe(200)
    const unshared = await ask(`${url}/unknown`, { origin: 'https://a.example' })
    expect(unshared.status).toBe(404)
    expect(unshared.headers['access-control-allow-origin']).toBeUndefined()
  })

  it('are refused without an Origin header when the browser marks the request as cross-site, as for an image', async () => {
    const { url } = await start({ allowedOrigins: ['https://app.example'] })
    for (const site of ['cross-site', 'same-site']) {
      expect(await statusOf(url, { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors' })).toBe(403)
    }
    for (const site of ['same-origin', 'none']) served(await statusOf(url, { 'sec-fetch-site': site }))
    // Behind a proxy that rewrites Host, as development servers do.
    const origin = 'http://localhost:5173'
    served(await statusOf(url, { origin, 'sec-fetch-site': 'same-origin' }))
    expect(await statusOf(url, { origin, 'sec-fetch-site': 'cross-site' })).toBe(403)
  })

  it('are compared with the address that a trusted proxy names', async () => {
    const { url } = await start({ trustProxy: ['loopback'] })
    const origin = 'https://public.example'
    for (const headers of [
      { 'x-forwarded-host': 'public.example', 'x-forwarded-proto': 'https' },
      { host: 'public.example', 'x-forwarded-proto': 'https' },
      { 'x-forwarded-host': 'public.example:443, inner:8080', 'x-forwarded-proto': 'https,http' },
      { forwarded: 'for=1.2.3.4;host="public.example";proto=https, for=10.0.0.1;host=inner;proto=http' },
      { forwarded: 'proto=HTTPS;HOST=public.example' },
    ] as Headers[]) {
      served(await statusOf(url, { origin, ...headers }))
      expect(await statusOf(url, { ...headers, origin: 'https://evil.example' })).toBe(403)
    }
    // A page may set these headers itself if the answer to its preflight allows them.
    const forged = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'sec-fetch-site': 'cross-site',
    }
    expect(await statusOf(url, { origin: 'https://evil.example', ...forged })).toBe(403)
    // The scheme is compared, too.
    const plain = { 'x-forwarded-host': 'public.example', 'x-forwarded-proto': 'http' }
    expect(await statusOf(url, { origin, ...plain })).toBe(403)
    const untrusting = await start()
    const forwarded = { 'x-forwarded-host': 'public.example', 'x-forwarded-proto': 'https' }
    expect(await statusOf(untrusting.url, { origin, ...forwarded })).toBe(403)
  })
})

describe('a server with TLS', () => {
  it('refuses pages that were loaded without TLS', async () => {
    const server = (await listening(createHttpsServer(TLS, ownListener) as unknown as Server)) as Server
    closeWithTest(server)
    const { app } = createFullApp({ server })
    await app.start()
    const url = urlOf(server)
    expect((await ask(`${url}/api/v1/sse`, { origin: url })).status).toBe(200)
    expect((await ask(`${url}/api/v1/sse`, { origin: url.replace('https', 'http') })).status).toBe(403)
  })
})

describe('a refused page', () => {
  it('can read the reason, and the log says once how to allow it', async () => {
    const { url, lines } = await start()
    const origin = 'http://localhost:5173'
    for (const path of ['/api/v1/sse', '/api/v1/ws', '/socket.io/?EIO=4&transport=polling']) {
      const { status, text, headers } = await ask(url + path, { origin })
      expect(status).toBe(403)
      expect(JSON.parse(text)).toMatchObject({ error: { code: 'origin_not_allowed' }, reconnectAfter: null })
      expect(headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        vary: 'Origin',
      })
      const preflight = await ask(
        url + path,
        {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'x-a, X-Forwarded-Host,forwarded,authorization',
        },
        'OPTIONS',
      )
      expect(preflight).toMatchObject({
        status: 204,
        headers: { 'access-control-allow-headers': 'x-a,authorization' },
      })
    }
    const warnings = lines.filter(({ level }) => level === 'warn')
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatchObject({
      origin,
      msg: expect.stringMatching(/localhost:5173.*allowedOrigins/),
    })
  })

  it('gets the same status from a POST to the path of the WebSocket as from its handshake, also if a proxy has rewritten Host', async () => {
    const { url } = await start()
    const headers = { origin: 'http://localhost:5173', 'sec-fetch-site': 'same-origin' }
    expect((await ask(`${url}/api/v1/ws`, headers, 'POST')).status).toBe(403)
    expect((await ask(`${url}/api/v1/sse`, headers)).status).toBe(200)
    expect((await ask(`${url}/api/v1/ws`, { ...headers, origin: url }, 'POST')).status).toBe(204)
  })

  it('cannot send uplink requests or read health checks', async () => {
    const { url, app } = await start()
    const handled = vi.fn()
    app.handle('do', handled)
    const response = await fetch(`${url}/api/v1/sse/some-session`, {
      method: 'POST',
      headers: { origin: 'https://evil.example', 'content-type': 'application/json' },
      body: '{"topic":"do"}',
    })
    expect(response.status).toBe(403)
    expect(handled).not.toHaveBeenCalled()
    expect(
      (await ask(`${url}/healthz`, { origin: 'https://evil.example' })).headers[
        'access-control-allow-origin'
      ],
    ).toBeUndefined()
  })
})

describe('allowedOrigins', () => {
  it.each([
    [['https://a.example/']],
    [['a.example']],
    ['https://a.example'],
    [[7]],
    [['null']],
    [['app://x/']],
    [['*']],
  ])('%j is refused when the app is created, and the error names the entry', (allowedOrigins) => {
    const make = () => createApp({ plugins: [http({ allowedOrigins: allowedOrigins as never })] })
    expect(make).toThrow(/allowedOrigins.*https:\/\/example.com/)
    if (Array.isArray(allowedOrigins)) expect(make).toThrow(JSON.stringify(allowedOrigins[0]))
  })
})

describe('routes on the built-in server', () => {
  it('get CORS headers for allowed origins, unless they set their own', async () => {
    const { Hono } = await import('hono')
    const { cors } = await import('hono/cors')
    const routes = new Hono()
      .get('/plain', (c) => c.text('plain', 200, { vary: 'Accept' }))
      .use('/own/*', cors({ origin: 'https://only.example' }))
      .get('/own/x', (c) => c.text('own'))
    const { url } = await start({ routes, allowedOrigins: ['https://app.example'] })
    const origin = 'https://app.example'
    expect((await ask(`${url}/plain`, { origin })).headers).toMatchObject({
      'access-control-allow-origin': origin,
      vary: 'Accept, Origin',
    })
    expect(
      (await ask(`${url}/plain`, { origin: 'https://evil.example' })).headers['access-control-allow-origin'],
    ).toBeUndefined()
    expect((await ask(`${url}/plain`)).headers.vary).toBe('Accept, Origin')
    expect((await ask(`${url}/own/x`, { origin })).headers['access-control-allow-origin']).toBeUndefined()
    const asks = { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-a' }
    expect(await ask(`${url}/plain`, asks, 'OPTIONS')).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-origin': origin, 'access-control-allow-headers': 'x-a' },
    })
    const own = await ask(`${url}/own/x`, { ...asks, origin: 'https://only.example' }, 'OPTIONS')
    expect(own).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-origin': 'https://only.example' },
    })
  })
})
