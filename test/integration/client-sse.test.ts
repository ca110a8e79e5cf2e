import { type PeerSession, RookeryError } from 'rookery'
import { type Client, type ClientOptions, createClient, type SseOptions, sse } from 'rookery/client'
import { rooms } from 'rookery/rooms'
import { sse as ssePlugin } from 'rookery/sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp, type TestAppOptions } from '../support/app.ts'
import { FaultyProxy, type ProxyFaults } from '../support/proxy.ts'
import { slowdown } from '../support/slowdown.ts'

const start = async ({ plugin = {}, ...options }: TestAppOptions & { plugin?: object } = {}) => {
  const noted: unknown[] = []
  const started = await startApp({
    plugins: [ssePlugin(plugin), rooms()],
    prepare: (app) => {
      app.handle('note', (_ctx, payload) => {
        noted.push(payload)
        return payload
      })
    },
    ...options,
  })
  return { ...started, noted }
}

const connect = (url: string, options: SseOptions & ClientOptions = {}): Client => {
  const { path, headers, ...rest } = options
  const transports = [sse({ path, headers })]
  const client = createClient({ url, transports, reconnect: { min: 5, max: 50 }, ...rest })
  onTestFinished(() => client.close())
  return client
}

const untilOpen = (client: Client) => vi.waitFor(() => expect(client.state).toBe('open'))

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe('the client over server-sent events', () => {
  it('calls, sends, subscribes and gets errors', async () => {
    const { url, app, noted } = await start()
    const client = connect(url, { params: { username: 'ada', roomID: '42' } })
    const heard: unknown[] = []
    await client.subscribe('news/*', (payload, { topic }) => heard.push([topic, payload])).ready
    expect([client.transport, client.user]).toEqual(['sse', { id: 'ada', name: 'ada' }])
    client.send('note', 1)
    expect(await client.call('note', { text: 'é\u2028🎉' })).toEqual({ text: 'é\u2028🎉' })
    expect(noted).toEqual([1, { text: 'é\u2028🎉' }])
    await app.publish('news/today', 'a\nb\u2028c')
    await vi.waitFor(() => expect(heard).toEqual([['news/today', 'a\nb\u2028c']]))
    await expect(client.call('nobody')).rejects.toMatchObject({ code: 'unknown_topic' })
    expect((await client.call<{ room: string }>('room/members')).room).toBe('42')
  })

  it('sends simultaneous messages in few requests, none larger than the server accepts', async () => {
    const { url, noted } = await start({ limits: { maxPayload: 2_000, messageBurst: 1_000 } })
    const proxy = await FaultyProxy.listen(url)
    const client = connect(proxy.url)
    await untilOpen(client)
    const texts = numbers(100).map((number) => `${number}`.repeat(50))
    for (const text of texts) client.send('note', text)
    await vi.waitFor(() => expect(noted).toEqual(texts))
    const posts = proxy.requests.filter((request) => request.startsWith('POST')).length
    expect(posts).toBeGreaterThan(5)
    expect(posts).toBeLessThan(50)
  })

  it('accepts a message of the server’s limit less 32 bytes, and refuses a larger one', async () => {
    const { url } = await start({ limits: { maxPayload: 1_000 } })
    const client = connect(url)
    await untilOpen(client)
    const overhead = JSON.stringify({ topic: 'note', payload: '', id: 1 }).length
    const largest = 'x'.repeat(1_000 - 32 - overhead)
    expect(await client.call('note', largest)).toBe(largest)
    await expect(client.call('note', `${largest}x`)).rejects.toMatchObject({ code: 'payload_too_large' })
  })

  it('sends headers with every request, and calls a function for each', async () => {
    const { url, app } = await start()
    app.sessions.onAuthenticate(({ headers }) => {
      if (!headers.authorization) throw new RookeryError('unauthenticated')
      return { id: String(headers.authorization), name: 'Ada' }
    })
    const headers = vi.fn(async () => ({ authorization: `Bearer ${headers.mock.calls.length}` }))
    const client = connect(url, { headers })
    await client.call('note', 1)
    expect([client.user?.id, headers.mock.calls.length]).toEqual(['Bearer 1', 2])
  })

  it('is closed with the reason if the server refuses it', async () => {
    const { url } = await start()
    const client = connect(url, { params: { roomID: 'a/b' } })
    const errors: string[] = []
    client.on('error', ({ code }) => errors.push(code))
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect(errors).toEqual(['invalid_room'])
  })

  it('reconnects later if the server asks for it', async () => {
    const { url, app } = await start()
    let busy = true
    app.sessions.onAuthenticate(() => {
      if (busy) throw new RookeryError('rate_limited')
      return undefined
    })
    const client = connect(url)
    const waits: unknown[] = []
    client.on(
      'state',
      (state, { error, retryIn }) => state === 'waiting' && waits.push([error?.code, retryIn]),
    )
    // The wait is random and may be almost zero.
    await vi.waitFor(() => expect(waits[0]).toEqual(['rate_limited', expect.any(Number)]))
    busy = false
    client.connect()
    await untilOpen(client)
  })

  it('does not accept another page as a stream, such as one of a server without the plugin', async () => {
    const { url } = await startApp()
    const client = connect(url)
    const failed = vi.fn()
    client.on('state', (state, { error }) => state === 'waiting' && failed(error?.code))
    await vi.waitFor(() => expect(failed).toHaveBeenCalledWith('connection_failed'))
  })

  it('ends its session at once when it closes, and the messages sent before arrive', async () => {
    const { url, app, noted } = await start()
    const client = connect(url, { params: { username: 'ada', roomID: '42' } })
    await untilOpen(client)
    client.send('note', 'last words')
    client.close()
    await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
    expect(noted).toEqual(['last words'])
  })

  it('reconnects at the time that a stopping server gives', async () => {
    const { url, app } = await start()
    const client = connect(url)
    await untilOpen(client)
    const ended = vi.fn()
    client.on('close', ({ error }) => ended(error.code))
    await app.stop()
    await vi.waitFor(() => expect(ended).toHaveBeenCalledWith('shutting_down'))
  })
})

describe('a stream that breaks', () => {
  it.each([
    ['resumes where it broke: no message is lost or repeated in either direction', { cutAfter: 150 }],
    ['loses nothing behind a proxy that buffers streams, either', { cutAfter: 1_500, responses: 'buffer' }],
  ] as [string, ProxyFaults][])('%s', async (_what, faults) => {
    // Longer than a client waits on a busy machine.
    const { url, app, noted } = await start({ plugin: { grace: 5_000 } })
    const proxy = await FaultyProxy.listen(url, faults)
    const client = connect(proxy.url)
    const heard: unknown[] = []
    const closed = vi.fn()
    client.on('close', closed)
    await client.subscribe('count', (payload) => heard.push(payload)).ready
    let last = 0
    const busy = setInterval(() => {
      if (++last === 300) clearInterval(busy)
      client.send('note', last)
      void app.publish('count', last)
    }, 5)
    onTestFinished(() => clearInterval(busy))
    await vi.waitFor(() => expect([noted.length, heard.length]).toEqual([300, 300]))
    expect(noted).toEqual(numbers(300))
    expect(heard).toEqual(numbers(300))
    expect(closed).not.toHaveBeenCalled()
    await vi.waitFor(() => expect(app.sessions.size).toBe(1))
  })

  it('for longer than the server keeps the session leads to a new session', async () => {
    const { url, app } = await start({ plugin: { grace: 50 } })
    verifies('delivery.sse.unknown-session')
    const proxy = await FaultyProxy.listen(url)
    const client = connect(proxy.url)
    await client.subscribe('a', () => {}).ready
    const first = client.session
    for (const session of app.sessions) (session as PeerSession).disconnected()
    proxy.cut()
    await vi.waitFor(() => expect(client.session).not.toBe(first))
    await untilOpen(client)
    await vi.waitFor(() => expect([...app.sessions][0]?.subscriptions).toEqual(['a']))
  })

  it('because the server is gone counts as a lost connection after 5 s, and calls reject', async () => {
    const { url } = await start()
    const proxy = await FaultyProxy.listen(url)
    const client = connect(proxy.url)
    await untilOpen(client)
    await proxy.close()
    const answer = client.call('note', 1, { timeout: 15_000 })
    const begun = performance.now()
    await expect(answer).rejects.toMatchObject({ code: 'disconnected' })
    expect(performance.now() - begun).toBeLessThan(8_000 * slowdown())
  })
})
