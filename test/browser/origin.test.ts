import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp } from '../support/app.ts'
import { useChromium } from '../support/chromium.ts'

const chromium = useChromium()

/** A page of another origin: the same machine, another port. */
const startOther = async (): Promise<string> => {
  const server = createServer((_request, response) =>
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<title>Other</title><link rel="icon" href="data:,">'),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An app whose users are who their cookie says, and what cookies it has seen. */
const start = async (allowedOrigins?: readonly string[]) => {
  const cookies: unknown[] = []
  const started = await startApp({
    http: { ...(allowedOrigins && { allowedOrigins }) },
    plugins: [sse(), socketio()],
    prepare: (app) =>
      void app.sessions.onAuthenticate(({ headers }) => {
        cookies.push(headers.cookie)
        return { id: String(headers.cookie), name: 'by cookie' }
      }),
  })
  return { ...started, cookies }
}

/** A page that a user has open who is logged in at the app. */
const openPage = async (at: string, app: string): Promise<Page> => {
  const page = await chromium.open({}, { refusals: true })
  await page.context().addCookies([{ name: 'session', value: 'secret', url: app }])
  await page.goto(at)
  return page
}

/** What a page gets to hear. */
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

describe('a page of another origin, with the cookies of the user', () => {
  it('opens no WebSocket, no stream and no Socket.IO, and reads nothing', async () => {
    const { url, app, cookies } = await start()
    const page = await openPage(await startOther(), url)
    expect(await tryWebSocket(page, url)).toBe('refused')
    expect(await tryEventSource(page, url)).toBe('refused')
    expect(await tryFetch(page, `${url}/socket.io/?EIO=4&transport=polling`)).toBe('refused')
    expect(
      await tryFetch(page, `${url}/api/v1/sse/any-session`, { method: 'POST', body: '{"topic":"x"}' }),
    ).toBe('refused')
    expect(await tryFetch(page, `${url}/healthz`)).toBe('refused')
    expect(cookies).toEqual([])
    expect(app.sessions.size).toBe(0)
  })

  it('opens all of them when it is allowed, and nobody else does', async () => {
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

  it('is not needed by the app’s own pages', async () => {
    const { url } = await start()
    const page = await openPage(`${url}/healthz`, url)
    expect(JSON.parse(await tryWebSocket(page, url))).toMatchObject({
      type: 'welcome',
      user: { id: 'session=secret' },
    })
    expect(JSON.parse(await tryEventSource(page, url))).toMatchObject({ type: 'welcome' })
  })
})
