import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Client, type ClientOptions, createClient, type SseOptions, sse } from 'rookery/client'
import { sse as ssePlugin } from 'rookery/sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { FaultyProxy } from '../support/proxy.ts'

type Answer = (response: ServerResponse, request: IncomingMessage) => void

const page =
  (status: number, body = '<html>No</html>'): Answer =>
  (response, request) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'text/html' }).end(body)
  }
const reset: Answer = (_response, { socket }) => socket.destroy()
const hang: Answer = () => {}

/** Starts an app, and a client behind a proxy that answers POST requests itself while `answer` is set. */
const start = async (options: ClientOptions & SseOptions = {}) => {
  const noted: unknown[] = []
  const { app, url } = await startApp({
    limits: { messageBurst: 10_000, messageRate: 10_000 },
    plugins: [ssePlugin()],
    prepare: (app) => {
      app.handle('note', (_ctx, payload) => {
        noted.push(payload)
        return payload
      })
    },
  })
  const faults: { answer?: Answer | undefined; fits?: (request: IncomingMessage) => boolean } = {}
  const proxy = await FaultyProxy.listen(url, {
    intercept: (request, response) => {
      if (request.method !== 'POST' || !faults.answer || !(faults.fits?.(request) ?? true)) return false
      faults.answer(response, request)
      return true
    },
  })
  const { path, headers, ...rest } = options
  const transports = [sse({ path, headers })]
  const client = createClient({ url: proxy.url, transports, reconnect: { min: 5, max: 50 }, ...rest })
  onTestFinished(() => client.close())
  const errors: string[] = []
  client.on('error', ({ code }) => errors.push(code))
  const closed = vi.fn()
  client.on('close', ({ error }) => closed(error.code))
  await vi.waitFor(() => expect(client.state).toBe('open'))
  const posts = () => proxy.requests.filter((request) => request.startsWith('POST')).length
  return { app, client, closed, errors, faults, noted, posts, proxy }
}

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'resolved',
    ({ code }) => code,
  )

describe('a POST request that a proxy answers', () => {
  it.each([
    ['413', page(413), 'payload_too_large'],
    ['403', page(403), 'forbidden'],
    ['401', page(401), 'unauthenticated'],
    ['404', page(404), 'not_found'],
    ['405', page(405), 'protocol_error'],
    ['200 and a page', page(200), 'protocol_error'],
    ['200 and JSON of another server', page(200, '{"ok":true}'), 'protocol_error'],
    ['204', page(204, ''), 'protocol_error'],
  ])('with %s ends its frames with a code, and later frames arrive', async (_status, answer, code) => {
    const { client, closed, errors, faults, noted, posts } = await start()
    expect(await client.call('note', 'before')).toBe('before')
    faults.answer = answer
    const before = posts()
    client.send('note', 'lost')
    const calls = [client.call('note', 'lost'), client.call('note', 'lost')].map(codeOf)
    expect(await Promise.all(calls)).toEqual([code, code])
    expect(errors).toEqual([code])
    // Three frames together, then fewer, then each alone.
    expect(posts() - before).toBeLessThanOrEqual(6)
    faults.answer = undefined
    client.send('note', 'after')
    expect(await client.call('note', 'last')).toBe('last')
    expect(noted).toEqual(['before', 'after', 'last'])
    expect([closed.mock.calls, client.buffered]).toEqual([[], 0])
  })

  it('because the body is too large for the proxy fails only the messages that are too large alone', async () => {
    const { client, errors, faults, noted } = await start()
    faults.fits = ({ headers }) => Number(headers['content-length']) > 2_000
    faults.answer = page(413)
    const payloads = Array.from({ length: 60 }, (_, index) =>
      `${index}`.padEnd(index % 20 === 7 ? 3_000 : 300),
    )
    for (const payload of payloads) client.send('note', payload)
    const small = payloads.filter(({ length }) => length === 300)
    await vi.waitFor(() => expect(noted).toEqual(small))
    expect(errors).toEqual(Array(3).fill('payload_too_large'))
  })

  it('fails a subscription, which says why', async () => {
    const { client, faults } = await start()
    faults.answer = page(403)
    expect(await codeOf(client.subscribe('news', () => {}).ready)).toBe('forbidden')
  })

  it.each([
    ['503', page(503)],
    ['429', page(429)],
    ['a reset', reset],
  ])('with %s for a while is repeated, and its frames arrive once', async (_status, answer) => {
    const { client, closed, errors, faults, noted, posts } = await start()
    await client.call('note', 1)
    faults.answer = answer
    const before = posts()
    client.send('note', 2)
    const call = client.call('note', 3)
    await vi.waitFor(() => expect(posts() - before).toBeGreaterThan(2))
    faults.answer = undefined
    expect(await call).toBe(3)
    expect([noted, errors, closed.mock.calls]).toEqual([[1, 2, 3], [], []])
  })

  it('although the server has applied it is repeated, and its frames are applied once', async () => {
    const { client, faults, noted, proxy } = await start()
    await client.call('note', 1)
    let applied = 0
    faults.answer = (response, request) => {
      const { url = '', headers } = request
      const target = `${proxy.url}${url}&passed=1`
      if (url.includes('passed')) return
      request.setEncoding('utf8').on('data', async (body: string) => {
        await fetch(target, {
          method: 'POST',
          headers: { 'content-type': `${headers['content-type']}` },
          body,
        })
        applied++
        response.writeHead(502).end()
      })
    }
    faults.fits = ({ url }) => !url?.includes('passed')
    const call = client.call('note', 2)
    await vi.waitFor(() => expect(applied).toBeGreaterThan(1))
    faults.answer = undefined
    expect(await call).toBe(2)
    await client.call('note', 3)
    expect(noted).toEqual([1, 2, 3])
  })

  it('with 503 for 15 s ends the connection, and unsent messages are reported', {
    timeout: 60_000,
  }, async () => {
    const { client, closed, errors, faults } = await start()
    faults.answer = page(503)
    const call = codeOf(client.call('note', 1, { timeout: 50_000 }))
    client.send('note', 2)
    expect(await call).toBe('disconnected')
    expect([errors, closed.mock.calls]).toEqual([['disconnected'], [['disconnected']]])
    faults.answer = undefined
    await vi.waitFor(() => expect(client.state).toBe('open'))
  })
})

describe('while POST requests hang', () => {
  it('`buffered` grows, messages wait in the queue from 1 MiB on, and `maxQueue` holds', async () => {
    const { client, faults, noted } = await start({ maxQueue: 3 })
    expect(client.buffered).toBe(0)
    faults.answer = hang
    const large = 'x'.repeat(60_000)
    let sent = 0
    const send = () => {
      for (; sent < 100; sent++) client.send('note', large)
    }
    expect(send).toThrow(expect.objectContaining({ code: 'queue_full' }))
    expect(client.buffered).toBeGreaterThan(1024 * 1024)
    expect(client.buffered).toBeLessThan(1.5 * 1024 * 1024)
    await Promise.resolve()
    expect(send).toThrow(expect.objectContaining({ code: 'queue_full' }))
    expect(sent).toBeLessThan(30)
    expect(await codeOf(client.call('note', 1))).toBe('queue_full')
    expect(noted).toEqual([])
  })

  it('messages that waited in the queue leave when there is room again, in order', async () => {
    const { client, faults, noted } = await start({ maxQueue: 10 })
    const held: (() => void)[] = []
    faults.answer = (_response, { socket }) => held.push(() => socket.destroy())
    const payloads = Array.from({ length: 25 }, (_, index) => `${index}`.padEnd(50_000))
    for (const payload of payloads) client.send('note', payload)
    await vi.waitFor(() => expect(held).toHaveLength(1))
    expect(client.buffered).toBeGreaterThan(1024 * 1024)
    faults.answer = undefined
    for (const release of held) release()
    await vi.waitFor(() => expect(noted).toEqual(payloads), { timeout: 10_000 })
    expect(client.buffered).toBe(0)
  })

  it('close() ends within 5 s, with all requests', async () => {
    const { app, client, faults, proxy } = await start()
    const open = new Set<ServerResponse>()
    faults.answer = (response) => {
      open.add(response)
      response.once('close', () => open.delete(response))
    }
    client.send('note', 1)
    await vi.waitFor(() => expect(open.size).toBe(1))
    client.close()
    expect(client.state).toBe('closed')
    await vi.waitFor(() => expect(open.size).toBe(0), { timeout: 10_000 })
    await vi.waitFor(() => expect(proxy.requests.at(-1)).toMatch(/^DELETE/))
    await vi.waitFor(() => expect(app.usage.sessions).toBe(0))
  })
})

const exceptions = (client: Client) => {
  const failures: unknown[] = []
  client.on('state', (_state, { error }) => error && failures.push([error.code, `${error.cause}`]))
  return failures
}

describe('an exception in code of the page or of the browser', () => {
  it.each([
    ['headers() throws', () => sse({ headers: () => Promise.reject(new Error('Broken')) }), 'Error: Broken'],
    ['fetch is missing', () => sse(), 'TypeError: fetch is not a function'],
    ['a response has no body', () => sse(), /^TypeError/],
  ])('is a failed attempt: %s', async (what, transport, cause) => {
    const rejected = vi.fn()
    process.on('unhandledRejection', rejected)
    onTestFinished(() => void process.off('unhandledRejection', rejected))
    const { url } = await startApp({ plugins: [ssePlugin()] })
    const real = globalThis.fetch
    const bodiless = async (...args: Parameters<typeof fetch>) =>
      Object.assign(Object.create(await real(...args)), {
        headers: new Headers({ 'content-type': 'text/event-stream' }),
        body: undefined,
      })
    const substitute = { 'fetch is missing': undefined, 'a response has no body': bodiless }[what]
    if (what in { 'fetch is missing': 1, 'a response has no body': 1 }) vi.stubGlobal('fetch', substitute)
    onTestFinished(() => void vi.unstubAllGlobals())
    const client = createClient({
      url,
      transports: [transport()],
      autoConnect: false,
      reconnect: { min: 5, max: 5 },
    })
    onTestFinished(() => client.close())
    const failures = exceptions(client)
    client.connect()
    await vi.waitFor(() => expect(failures.length).toBeGreaterThan(1))
    expect(failures[0]).toEqual(['connection_failed', expect.stringMatching(cause)])
    expect(rejected).not.toHaveBeenCalled()
  })

  it('a browser without TextDecoderStream works', async () => {
    vi.stubGlobal('TextDecoderStream', undefined)
    onTestFinished(() => void vi.unstubAllGlobals())
    const { client } = await start()
    expect(await client.call('note', 'é🎉')).toBe('é🎉')
  })

  it('while the client is open: although headers() never settles, close() ends, and the session after its grace', async () => {
    let stuck = false
    const headers = () => (stuck ? new Promise<never>(() => {}) : {})
    const { app, client } = await start({ headers })
    stuck = true
    client.send('note', 1)
    client.close()
    await vi.waitFor(() => expect(app.usage.sessions).toBe(0), { timeout: 20_000 })
  })
})
