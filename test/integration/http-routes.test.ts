import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { Hono } from 'hono'
import { createApp, definePlugin } from 'rookery'
import { HttpRoutes, HttpServer, http } from 'rookery/http'
import { sse } from 'rookery/sse'
import { describe, expect, it, onTestFinished } from 'vitest'

const get = async (url: string, init?: RequestInit) => {
  const response = await fetch(url, init)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

describe('routes', () => {
  it.each([
    ['the built-in server', () => undefined],
    ['the user’s server', () => createServer()],
  ])('on %s can copy requests, and get bodies up to the limit', async (_where, open) => {
    const routes = {
      fetch: async (request: Request) => {
        const copy = new Request(request, { headers: { 'x-copy': '1' } })
        const body = request.method === 'POST' ? await copy.text() : ''
        return new Response(`${copy.url.split('/').at(-1)} ${copy.headers.get('x-copy')} ${body.length}`)
      },
    }
    const server = open()
    const at = server ? { server } : { port: 0, hostname: '127.0.0.1' }
    const app = createApp({ logger: 'silent', plugins: [http({ ...at, routes, bodyLimit: 1000 }), sse()] })
    await app.start()
    onTestFinished(() => app.stop())
    if (server) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => void server.close())
    }
    const { url } = app.scope.get(HttpServer)
    expect(await get(`${url}/a`)).toMatchObject({ status: 200, text: 'a 1 0' })
    expect(await get(`${url}/b`, { method: 'POST', body: 'x'.repeat(1000) })).toMatchObject({
      text: 'b 1 1000',
    })
    const inParts = (parts: number) =>
      ({
        method: 'POST',
        body: Readable.from(Array.from({ length: parts }, () => Buffer.alloc(100, 'x'))),
        duplex: 'half',
      }) as unknown as RequestInit
    expect(await get(`${url}/c`, inParts(10))).toMatchObject({ status: 200, text: 'c 1 1000' })
    for (const init of [inParts(11), { method: 'POST', body: 'x'.repeat(1001) }]) {
      expect((await get(`${url}/d`, init)).status).toBe(413)
    }
  })

  it('of plugins answer only their own paths on the user’s server', async () => {
    const plugin = definePlugin({
      name: 'metrics',
      requires: [HttpRoutes],
      start: (scope) => {
        const routes = scope.get(HttpRoutes)
        routes.use('*', async (c, next) => {
          await next()
          c.header('x-rookery', '1')
        })
        routes.get('/metrics', (c) => c.text('up 1'))
        routes.get('/users/:id', (c) => c.text(c.req.param('id')))
      },
    })
    const server = createServer((_request, response) => response.end('mine'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const app = createApp({ logger: 'silent', plugins: [http({ server }), plugin] })
    await app.start()
    onTestFinished(() => app.stop())
    const { url } = app.scope.get(HttpServer)
    expect(await get(`${url}/metrics`)).toMatchObject({ status: 200, text: 'up 1' })
    expect(await get(`${url}/users/7`)).toMatchObject({ status: 200, text: '7' })
    expect((await get(`${url}/users/7/x`)).status).toBe(404)
    for (const path of ['/', '/metrics/more', '/other']) {
      const { text, headers } = await get(url + path)
      expect([text, headers.get('x-rookery')]).toEqual(['mine', null])
    }
  })

  it('are available once http() has started; before, the error says so', () => {
    const app = createApp({ plugins: [http({ port: 0 })], logger: 'silent' })
    expect(() => app.scope.get(HttpRoutes)).toThrow(/`requires`.*`start`/)
  })
})

describe('the user’s routes on the user’s server', () => {
  it('are refused if the server has request listeners, and answer if it has none', async () => {
    const server = createServer((_request, response) => response.end('mine'))
    const routes = new Hono().get('/hello', (c) => c.text('hi'))
    const app = createApp({ logger: 'silent', plugins: [http({ server, routes })] })
    await expect(app.start()).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining("leave out 'routes'"),
    })
    const bare = createServer()
    const [first, second] = [
      createApp({ logger: 'silent', plugins: [http({ server: bare, routes })] }),
      createApp({ logger: 'silent', plugins: [http({ server: bare }), sse()] }),
    ]
    await second.start()
    await first.start()
    await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void bare.close())
    const { url } = first.scope.get(HttpServer)
    await second.stop()
    expect(await get(`${url}/hello`)).toMatchObject({ status: 200, text: 'hi' })
    await first.stop()
  })
})
