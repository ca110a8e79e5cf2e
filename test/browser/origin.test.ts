import { createServer, type RequestListener, type Server, request as send } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp } from '../support/app.ts'
import { useChromium } from '../support/chromium.ts'

const chromium = useChromium()

const servePage: RequestListener = (_request, response) =>
  response
    .writeHead(200, { 'content-type': 'text/html' })
    .end('<title>Other</title><link rel="icon" href="data:,">')

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A page of another origin: the same machine, another port. */
const startOther = (): Promise<string> => listen(createServer(servePage))

/** Starts an app that takes the cookie as the user id. Records the cookies. */
const start = async (allowedOrigins?: readonly string[], plugins = [sse(), socketio()]) => {
  const cookies: unknown[] = []
  const started = await startApp({
    http: { ...(allowedOrigins && { allowedOrigins }) },
    plugins,
    prepare: (app) =>
      void app.sessions.onAuthenticate(({ headers }) => {
        cookies.push(headers.cookie)
        return { id: String(headers.cookie), name: 'by cookie' }
      }),
  })
  return { ...started, cookies }
}

/** Opens a page in a browser that has a session cookie for the app. */
const openPage = async (at: string, app: string): Promise<Page> => {
  const page = await chromium.open({}, { refusals: true })
  await page.context().addCookies([{ name: 'session', value: 'secret', url: app }])
  await page.goto(at)
  return page
}

/** Opens a WebSocket in a page. Resolves with the first message, or with `refused`. */
const tryWebSocket = (page: Page, url: string) =>
  page.evaluate(
    (target) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(target)
        socket.onmessage = ({ data }) => resolve(data)
        socket.onerror = () => resolve('refused')
      }),
    `${url.replace('http', 'ws')}/api/v1/ws`,
  )

const tryEventSource = (page: Page, url: string) =>
  page.evaluate(
    (target) =>
      new Promise<string>((resolve) => {
        const source = new EventSource(target, { withCredentials: true })
        source.addEventListener('control', ({ data }) => {
          source.close()
          resolve(data)
        })
        source.onerror = () => {
          source.close()
          resolve('refused')
        }
      }),
    `${url}/api/v1/sse`,
  )

const tryFetch = (page: Page, url: string, init: RequestInit = {}) =>
  page.evaluate(
    async ([target, options]) => {
      try {
        const response = await fetch(target, { credentials: 'include', ...options })
        return `${response.status} ${await response.text()}`
      } catch {
        return 'refused'
      }
    },
    [url, init] as const,
  )

describe('a page with the cookies of the user', () => {
  it('of another origin opens no WebSocket, no stream and no Socket.IO connection, and can read the reason', async () => {
    const { url, app, cookies } = await start()
    const page = await openPage(await startOther(), url)
    expect(await tryWebSocket(page, url)).toBe('refused')
    expect(await tryEventSource(page, url)).toBe('refused')
    for (const [path, init] of [
      ['/socket.io/?EIO=4&transport=polling', {}],
      ['/api/v1/sse/any-session', { method: 'POST', body: '{"topic":"x"}' }],
    ] as const) {
      expect(await tryFetch(page, url + path, init)).toMatch(/^403 \{"error":\{"code":"origin_not_allowed",/)
    }
    expect(await tryFetch(page, `${url}/healthz`)).toBe('refused')
    expect(cookies).toEqual([])
    expect(app.sessions.size).toBe(0)
  })

  it('of an allowed origin opens all of them, and a page of a third origin does not', async () => {
    const other = await startOther()
    const { url, app, cookies } = await start([other])
    const page = await openPage(other, url)
    expect(JSON.parse(await tryWebSocket(page, url))).toMatchObject({
      type: 'welcome',
      user: { id: 'session=secret' },
    })
    expect(JSON.parse(await tryEventSource(page, url))).toMatchObject({
      type: 'welcome',
      user: { id: 'session=secret' },
    })
    expect(await tryFetch(page, `${url}/socket.io/?EIO=4&transport=polling`)).toMatch(/^200 0\{"sid":/)
    expect(await tryFetch(page, `${url}/healthz`)).toBe('200 {"status":"ok"}')
    const preflighted = {
      method: 'POST',
      body: '{"topic":"x"}',
      headers: { 'content-type': 'application/json' },
    }
    expect(await tryFetch(page, `${url}/api/v1/sse/any-session`, preflighted)).toContain('unknown_session')
    const third = await openPage(await startOther(), url)
    expect(await tryWebSocket(third, url)).toBe('refused')
    expect(cookies).toEqual(['session=secret', 'session=secret'])
    await expect.poll(() => app.sessions.size, { timeout: 10_000 }).toBe(1)
  })

  it('of the app itself opens them without an option', async () => {
    const { url } = await start()
    const page = await openPage(`${url}/healthz`, url)
    expect(JSON.parse(await tryWebSocket(page, url))).toMatchObject({
      type: 'welcome',
      user: { id: 'session=secret' },
    })
    expect(JSON.parse(await tryEventSource(page, url))).toMatchObject({ type: 'welcome' })
  })
})

/** The client, bundled for a page. */
const script = build({
  stdin: {
    contents: `
      import { createClient, sse, websocket } from './client/index.ts'
      import { socketio } from './client/socketio/index.ts'
      const make = {
        websocket,
        sse,
        socketio,
        'socketio by websocket': () => socketio({ transports: ['websocket'] }),
      }
      export const start = (url, names) => {
        const log = []
        const client = createClient({ url, transports: names.map((name) => make[name]()) })
        client.on('state', (state) => log.push(state))
        client.on('error', ({ code }) => log.push(code))
        client.subscribe('news/*', () => {})
        return { client, log }
      }`,
    resolveDir: fileURLToPath(new URL('../..', import.meta.url)),
  },
  bundle: true,
  format: 'iife',
  globalName: 'rookery',
  platform: 'browser',
  write: false,
}).then(({ outputFiles }) => outputFiles[0]!.text)

/** Starts a client in a page. */
const startClient = async (page: Page, url: string, names: readonly string[]): Promise<void> => {
  await page.addScriptTag({ content: await script })
  await page.evaluate(`running = rookery.start(${JSON.stringify(url)}, ${JSON.stringify(names)})`)
}

/** Waits until the client is in a state. Returns its events and its transport. */
const until = async (page: Page, state: 'open' | 'closed') => {
  await page.waitForFunction(`running.client.state === '${state}'`)
  return await page.evaluate<{ log: string[]; transport: string | null }>(
    '({ log: running.log, transport: running.client.transport })',
  )
}

/** Level and origin of the warnings and errors in the log. */
const warnings = ({ lines }: Awaited<ReturnType<typeof start>>) => [
  ...new Set(
    lines.filter(({ level }) => /warn|error/.test(level)).map(({ level, origin }) => `${level} ${origin}`),
  ),
]

const TRANSPORTS = [
  ['websocket'],
  ['sse'],
  ['websocket', 'sse'],
  ['socketio'],
  ['socketio by websocket'],
].map((names) => ({ names, over: names[0]!.split(' ')[0] }))

describe('the client on a page of another origin', () => {
  it.each(TRANSPORTS)('is closed with origin_not_allowed over $names', async ({ names }) => {
    const app = await start()
    const other = await startOther()
    const page = await openPage(other, app.url)
    await startClient(page, app.url, names)
    const { log } = await until(page, 'closed')
    expect(log).not.toContain('open')
    expect(log.slice(-2)).toEqual(['closed', 'origin_not_allowed'])
    expect(warnings(app)).toEqual([`warn ${other}`])
    expect([app.cookies, app.app.sessions.size]).toEqual([[], 0])
  })

  it('is closed with origin_not_allowed if the server has only WebSocket and the client a fallback', async () => {
    const app = await start([], [])
    const page = await openPage(await startOther(), app.url)
    await startClient(page, app.url, ['websocket', 'sse'])
    expect((await until(page, 'closed')).log.slice(-2)).toEqual(['closed', 'origin_not_allowed'])
  })

  it.each(TRANSPORTS)(
    'is open over the first of $names if its origin is allowed',
    async ({ names, over }) => {
      const other = await startOther()
      const app = await start([other])
      const page = await openPage(other, app.url)
      await startClient(page, app.url, names)
      expect(await until(page, 'open')).toEqual({ log: ['open'], transport: over })
      expect(warnings(app)).toEqual([])
    },
  )
})

/**
 * Starts a development server, which serves the page and forwards requests for the app's paths. It removes
 * `Sec-Fetch-Site`, which browsers do not send on pages that use plain HTTP and another host than localhost.
 *
 * @param changesHost whether the proxy sets `Host` to the host of the app
 */
const startProxy = async (app: string, changesHost: boolean): Promise<string> => {
  const { host, hostname, port } = new URL(app)
  const headersFor = (given: NodeJS.Dict<string | string[]>) => ({
    ...Object.fromEntries(Object.entries(given).filter(([name]) => !name.startsWith('sec-fetch-'))),
    ...(changesHost && { host }),
  })
  const server = createServer((request, response) => {
    if (!/^\/(api|socket\.io)\//.test(request.url!)) return servePage(request, response)
    const { method = 'GET', url: path, headers } = request
    const onward = send({ hostname, port, path, method, headers: headersFor(headers) }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.on('error', () => response.destroy()).pipe(response)
    })
    response.on('close', () => onward.destroy())
    request.pipe(onward.on('error', () => response.destroy()))
  })
  server.on('upgrade', ({ url, headers }, socket) => {
    const lines = Object.entries(headersFor(headers)).map(([name, value]) => `${name}: ${value}`)
    const onward = connect(Number(port), hostname)
    onward.write([`GET ${url} HTTP/1.1`, ...lines, '', ''].join('\r\n'))
    onward.on('error', () => socket.destroy()).pipe(socket)
    socket.on('error', () => onward.destroy()).pipe(onward)
  })
  return await listen(server)
}

describe('the client on a page behind a development proxy', () => {
  it.each(TRANSPORTS)(
    'that changes Host is closed with origin_not_allowed over $names, and does not reconnect forever',
    async ({ names }) => {
      const app = await start()
      const proxy = await startProxy(app.url, true)
      const page = await openPage(proxy, app.url)
      await startClient(page, proxy, names)
      const { log } = await until(page, 'closed')
      expect(log.slice(-2)).toEqual(['closed', 'origin_not_allowed'])
      // Browsers send no origin with a GET to the same origin.
      expect(log.filter((state) => state === 'open').length).toBeLessThan(2)
      expect(warnings(app)).toEqual([`warn ${proxy}`])
    },
  )

  it('that does not change Host is open over WebSocket', async () => {
    const app = await start()
    const proxy = await startProxy(app.url, false)
    const page = await openPage(proxy, app.url)
    await startClient(page, proxy, ['websocket', 'sse'])
    expect(await until(page, 'open')).toEqual({ log: ['open'], transport: 'websocket' })
    expect(warnings(app)).toEqual([])
  })
})
