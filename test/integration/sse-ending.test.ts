import { RookeryError } from 'rookery'
import { type ClientOptions, createClient, sse } from 'rookery/client'
import { HttpServer } from 'rookery/http'
import { sse as ssePlugin } from 'rookery/sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp, type TestAppOptions } from '../support/app.ts'
import { FaultyProxy, type ProxyFaults } from '../support/proxy.ts'
import { SseReader } from '../support/sse-reader.ts'

/** So long that a session without a client is still there at the end of a test. */
const LONG = 60_000

const start = async (faults: ProxyFaults = {}, options: TestAppOptions & { grace?: number } = {}) => {
  const { grace = LONG, ...rest } = options
  const started = await startApp({ plugins: [ssePlugin({ grace, closeTimeout: 500 })], ...rest })
  const proxy = await FaultyProxy.listen(started.url, faults)
  /** Called when the server has noticed that a response has closed. */
  const closed = vi.fn()
  started.app.scope
    .get(HttpServer)
    .server.on('request', (_request, response) => response.once('close', closed))
  const kick = (error?: RookeryError) => {
    for (const session of started.app.sessions) session.close(error)
  }
  return { ...started, at: `${started.url}/api/v1/sse`, closed, kick, proxy }
}

const connect = (url: string, options: ClientOptions = {}) => {
  const client = createClient({ url, transports: [sse()], reconnect: { min: 5, max: 50 }, ...options })
  onTestFinished(() => client.close())
  const errors: string[] = []
  client.on('error', ({ code }) => errors.push(code))
  const opened = vi.fn()
  client.on('open', opened)
  return { client, errors, opened }
}

const open = async (at: string, query: string) => {
  const reader = await SseReader.open(`${at}?${query}`)
  const { session } = await reader.until(({ type }) => type === 'welcome')
  return { reader, session: `${session}` }
}

const resume = (at: string, session: string, received: number, query = '') =>
  SseReader.open(`${at}?session=${session}&received=${received}${query}`)

describe('a client whose session the server closes', () => {
  it('while a POST request is under way gets its last messages and the reason, and stays away', async () => {
    const { app, kick, proxy } = await start()
    verifies('delivery.sse.last-frames')
    const { client, errors, opened } = connect(proxy.url)
    const heard: unknown[] = []
    await client.subscribe('news', (payload) => heard.push(payload)).ready
    proxy.holdStreams()
    await app.publish('news', 'last words')
    // The message is on the stream before the session closes.
    await new Promise(setImmediate)
    kick()
    const answered = proxy.responses.length
    client.send('echo', 1)
    await vi.waitFor(() => expect(proxy.responses.slice(answered)).toContain(404))
    expect([client.state, heard]).toEqual(['open', []])
    proxy.releaseStreams()
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect([heard, errors, opened.mock.calls.length]).toEqual([['last words'], ['session_closed'], 1])
    expect(app.sessions.size).toBe(0)
  })

  const broken: ProxyFaults['intercept'] = (_incoming, outgoing) => {
    outgoing.destroy()
    return true
  }

  it.each([
    ['polls', { responses: 'buffer' }],
    ['cannot resume its stream at first', { intercept: broken }],
  ] as [string, ProxyFaults][])('and that %s gets the reason, too', async (_what, faults) => {
    const { app, closed, kick, proxy } = await start()
    const { client, errors, opened } = connect(proxy.url)
    const heard: unknown[] = []
    await client.subscribe('news', (payload) => heard.push(payload)).ready
    closed.mockClear()
    proxy.become(faults)
    proxy.cut()
    const before = proxy.requests.length
    await vi.waitFor(() => expect(closed).toHaveBeenCalled())
    await vi.waitFor(() => expect(proxy.requests.length).toBeGreaterThan(before + 1))
    await app.publish('news', 'last words')
    kick()
    if (faults.intercept) proxy.heal()
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect([heard, errors, opened.mock.calls.length]).toEqual([['last words'], ['session_closed'], 1])
  })
})

describe('a session that the server closes without a stream', () => {
  it.each(['', '&mode=poll'])('keeps its last frames for a client that resumes ("%s")', async (mode) => {
    const { app, at, closed, kick } = await start()
    const { reader, session } = await open(at, `resume=1&topic=news${mode}`)
    reader.close()
    await vi.waitFor(() => expect(closed).toHaveBeenCalled())
    await app.publish('news', 1)
    kick(new RookeryError('forbidden'))
    const second = await resume(at, session, 1, mode)
    await vi.waitFor(() => expect(second.ended).toBe(true))
    expect(second.frames).toMatchObject([
      { payload: 1 },
      { type: 'close', error: { code: 'forbidden' }, reconnectAfter: null },
    ])
    await vi.waitFor(async () => expect((await resume(at, session, 3)).response.status).toBe(404))
  })

  it('forgets them after the grace, and when the app stops', async () => {
    const { app, at, closed, kick } = await start({}, { grace: 50 })
    const { reader, session } = await open(at, 'resume=1')
    reader.close()
    await vi.waitFor(() => expect(closed).toHaveBeenCalled())
    kick()
    await vi.waitFor(async () => expect((await resume(at, session, 1)).response.status).toBe(404))
    const other = await start()
    const { reader: gone } = await open(other.at, 'resume=1')
    gone.close()
    await vi.waitFor(() => expect(other.closed).toHaveBeenCalled())
    other.kick()
    await Promise.all([app.stop(), other.app.stop()])
  })
})

describe('a handshake that takes longer than a second', () => {
  const slowly = (milliseconds: number, refusal?: RookeryError) => {
    const authenticate = vi.fn(async () => {
      await new Promise((resolve) => setTimeout(resolve, milliseconds))
      if (refusal) throw refusal
      return undefined
    })
    return {
      authenticate,
      prepare: (app: Parameters<NonNullable<TestAppOptions['prepare']>>[0]) =>
        void app.sessions.onAuthenticate(authenticate),
    }
  }

  it('opens one session', async () => {
    const { authenticate, prepare } = slowly(1_500)
    const { app, proxy } = await start({}, { prepare })
    const { client } = connect(proxy.url)
    await vi.waitFor(() => expect(client.state).toBe('open'))
    expect([authenticate.mock.calls.length, app.sessions.size]).toEqual([1, 1])
  })

  it('and then refuses the client tells it why', async () => {
    const { authenticate, prepare } = slowly(600, new RookeryError('forbidden'))
    const { at, proxy } = await start({}, { prepare })
    const { client, errors } = connect(proxy.url)
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect([errors, authenticate.mock.calls.length]).toEqual([['forbidden'], 1])
    // An EventSource would come back after a stream.
    expect((await fetch(at, { headers: { accept: 'text/event-stream' } })).status).toBe(403)
  })

  it('behind a proxy that holds streams back leaves one session', async () => {
    const { authenticate, prepare } = slowly(1_200)
    const { app, proxy } = await start({ responses: 'buffer' }, { prepare })
    const { client } = connect(proxy.url)
    await vi.waitFor(() => expect(client.state).toBe('open'), { timeout: 10_000 })
    await vi.waitFor(() => expect(app.sessions.size).toBe(1))
    expect([...app.sessions][0]?.id).toBe(client.session)
    expect(authenticate.mock.calls.length).toBe(2)
  })
})

describe('a stream that ends before the client knows its session', () => {
  it.each(['resume=1', 'resume=ack', ''])(
    'leaves no session: closed before `welcome` (%s)',
    async (query) => {
      let open: () => void = () => {}
      const gate = new Promise<void>((resolve) => {
        open = resolve
      })
      const authenticate = vi.fn(() => gate.then(() => undefined))
      const ended = vi.fn()
      const { app, at, closed } = await start(
        {},
        {
          prepare: (app) => {
            app.sessions.onAuthenticate(authenticate)
            app.sessions.onClose(ended)
          },
        },
      )
      const abort = new AbortController()
      const request = fetch(`${at}?${query}`, { signal: abort.signal }).then((response) => response.text())
      await vi.waitFor(() => expect(authenticate).toHaveBeenCalled())
      abort.abort()
      await expect(request).rejects.toThrow()
      await vi.waitFor(() => expect(closed).toHaveBeenCalled())
      open()
      await vi.waitFor(() => expect(ended).toHaveBeenCalled())
      expect(app.sessions.size).toBe(0)
    },
  )

  it('leaves no session behind a proxy that holds streams back', async () => {
    const { app, proxy } = await start({ responses: 'buffer' })
    const { client } = connect(proxy.url)
    await vi.waitFor(() => expect(client.state).toBe('open'), { timeout: 10_000 })
    await vi.waitFor(() => expect([...app.sessions].map(({ id }) => id)).toEqual([client.session]))
  })

  it('with `resume=ack` ends the session if the client does not acknowledge it within `handshakeTimeout`', async () => {
    const { app, at } = await start({}, { handshakeTimeout: 200 })
    const { reader } = await open(at, 'resume=ack')
    await vi.waitFor(() => expect(reader.ended).toBe(true))
    expect(app.sessions.size).toBe(0)
  })
})
