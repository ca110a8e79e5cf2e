import { once } from 'node:events'
import { type AddressInfo, createConnection, type Socket } from 'node:net'
import { Hono } from 'hono'
import { createApp } from 'rookery'
import { HttpServer } from 'rookery/http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'

const GET = 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n'

const routes = () => new Hono().get('/hello', (c) => c.text('hi'))

/** A kept-alive connection after one request, as of a proxy; closed with the test. */
const keptAlive = async (url: string) => {
  const { hostname, port } = new URL(url)
  const socket: Socket = createConnection(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  const kept = { socket, text: '', error: undefined as Error | undefined }
  socket.on('data', (data) => {
    kept.text += data
  })
  socket.on('error', (error) => {
    kept.error = error
  })
  socket.write(GET)
  await vi.waitFor(() => expect(kept.text).toMatch(/200 OK[\s\S]*hi$/))
  kept.text = ''
  return kept
}

describe('a server that stops with a drain delay', () => {
  it('answers 503 to the health checks of load balancers at once, and serves all other requests during the delay', async () => {
    const { app, url } = await startApp({ http: { routes: routes() }, drainDelay: '5s' })
    app.handle('echo', (_ctx, payload) => payload)
    const before = await connectBare(url)
    const kept = await keptAlive(url)
    const stopping = app.stop()
    const ready = await fetch(`${url}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toMatchObject({ status: 'stopping' })
    expect(await (await fetch(`${url}/hello`)).text()).toBe('hi')
    // The response tells a balancer that its kept-alive connection ends.
    kept.socket.write(GET)
    await once(kept.socket, 'close')
    expect(kept.text).toMatch(/200 OK[\s\S]*connection: close[\s\S]*hi$/i)
    const late = await connectBare(url)
    for (const client of [before, late])
      expect((await client.ask({ topic: 'echo', payload: 1 })).payload).toBe(1)
    expect(app.sessions.size).toBe(2)
    await stopping
    for (const client of [before, late]) {
      expect(await client.untilClosed()).toEqual({ code: 1001, reason: 'shutting_down' })
    }
    await expect(fetch(`${url}/hello`)).rejects.toThrow()
  })

  it('answers a proxy that does not check health, and ends its connections with their last answers', async () => {
    const { app, url } = await startApp({ http: { routes: routes() }, drainDelay: '500ms' })
    const stopping = app.stop()
    // A connection opened before the drain ends after one response.
    const [busy, idle] = [await keptAlive(url), await keptAlive(url)]
    const { server } = app.scope.get(HttpServer)
    while (server.listening) {
      busy.text = ''
      busy.socket.write(GET)
      await vi.waitFor(() => expect(busy.text).toMatch(/200 OK[\s\S]*hi$/), { interval: 1 })
    }
    expect(idle.socket.readyState).toBe('open')
    if (!/connection: close/i.test(busy.text)) busy.socket.write(GET)
    await stopping
    for (const { socket, error } of [busy, idle]) {
      if (!socket.destroyed) await once(socket, 'close')
      expect(error).toBeUndefined()
    }
    expect(busy.text).toMatch(/connection: close[\s\S]*hi$/i)
  })

  it('does not wait if it has not started', async () => {
    const app = createApp({ logger: 'silent', drainDelay: '1h' })
    await app.stop()
    expect(app.state).toBe('stopped')
  })

  it('refuses a wrong drainDelay', () => {
    expect(() => createApp({ drainDelay: -1 })).toThrow(/'drainDelay'/)
  })
})

describe('a server that stops', () => {
  it('answers requests on kept-alive connections, and closes idle connections', async () => {
    const { app, url } = await startApp({ http: { routes: routes() } })
    const asking = await Promise.all(Array.from({ length: 20 }, () => keptAlive(url)))
    const idle = await keptAlive(url)
    const stopping = app.stop()
    for (const { socket } of asking) socket.write(GET)
    await stopping
    for (const { socket, text, error } of asking) {
      if (!socket.destroyed) await once(socket, 'close')
      expect(error).toBeUndefined()
      expect(text).toMatch(/200 OK[\s\S]*hi$/)
    }
    if (!idle.socket.destroyed) await once(idle.socket, 'close')
    expect(idle.error).toBeUndefined()
  })

  it('waits for responses under way, and then does not wait for their connections', async () => {
    let answer = () => {}
    const slow = new Hono()
      .get('/hello', (c) => c.text('hi'))
      .get('/slow', async (c) => {
        await new Promise<void>((resolve) => {
          answer = resolve
        })
        return c.text('done')
      })
    const { app, url } = await startApp({ http: { routes: slow } })
    const kept = await keptAlive(url)
    kept.socket.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const started = answer
    await vi.waitFor(() => expect(answer).not.toBe(started))
    const stopping = app.stop()
    const server = app.scope.get(HttpServer).server
    await vi.waitFor(() => expect(server.listening).toBe(false))
    answer()
    await stopping
    if (!kept.socket.destroyed) await once(kept.socket, 'close')
    expect(kept.text).toMatch(/200 OK[\s\S]*done$/)
    expect(kept.error).toBeUndefined()
  })

  it('closes connections that have never sent a request', async () => {
    const { app, url } = await startApp()
    const { port } = app.scope.get(HttpServer).server.address() as AddressInfo
    const silent = createConnection(port, '127.0.0.1')
    silent.resume().on('error', () => {})
    await once(silent, 'connect')
    const late = new BareClient(`${url}/api/v1/ws`)
    await late.until(({ type }) => type === 'welcome')
    const closed = once(silent, 'close')
    await app.stop()
    await closed
  })
})

describe('idle connections', () => {
  it('stay open longer than those of nginx and AWS by default, and for the time of the option', async () => {
    const { url } = await startApp()
    expect((await fetch(`${url}/healthz`)).headers.get('keep-alive')).toBe('timeout=72')
    const short = await startApp({ http: { keepAliveTimeout: '30s' } })
    expect((await fetch(`${short.url}/healthz`)).headers.get('keep-alive')).toBe('timeout=30')
  })
})
