import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { type App, createApp, RookeryError } from 'rookery'
import { asyncapi } from 'rookery/asyncapi'
import { defineContract } from 'rookery/contract'
import { history } from 'rookery/history'
import { HttpServer, http } from 'rookery/http'
import { sse } from 'rookery/sse'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { startApp } from '../support/app.ts'
import { connectBare, type Received } from '../support/bare-client.ts'
import { mixed } from '../support/mixed-contract.ts'

type Options = Partial<Parameters<typeof asyncapi>[0]>

const start = (options: Options = {}) => startApp({ plugins: [asyncapi({ contract: mixed, ...options })] })

describe('asyncapi()', () => {
  it('serves the document and the page', async () => {
    const { url } = await start({ info: { title: 'Chat' } })
    const document = await fetch(`${url}/asyncapi.json`)
    expect(document.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await document.json()).toMatchObject({ asyncapi: '3.0.0', info: { title: 'Chat' } })
    const page = await fetch(`${url}/asyncapi`)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(await page.text()).toContain('<a href="asyncapi.json">')
  })

  it.each(['/asyncapi.json', '/asyncapi'])(
    'answers 304 on %s to a client that has the text already',
    async (path) => {
      const { url } = await start()
      const first = await fetch(url + path)
      const etag = first.headers.get('etag') as string
      expect(first.headers.get('cache-control')).toBe('no-cache')
      const again = await fetch(url + path, { headers: { 'if-none-match': `W/"old", ${etag}` } })
      expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([304, etag, ''])
      const changed = await fetch(url + path, { headers: { 'if-none-match': '"old"' } })
      expect(changed.status).toBe(200)
    },
  )

  it('answers HEAD without the text, and refuses other methods', async () => {
    const { url } = await start()
    const length = (await (await fetch(`${url}/asyncapi`)).arrayBuffer()).byteLength
    const head = await fetch(`${url}/asyncapi`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
      200,
      String(length),
      '',
    ])
    const post = await fetch(`${url}/asyncapi`, { method: 'POST', body: 'x' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  it('allows the page only its own style sheet', async () => {
    const { url } = await start()
    const page = await fetch(`${url}/asyncapi`)
    const [, style = ''] = /<style>(.*)<\/style>/s.exec(await page.text()) ?? []
    const hash = createHash('sha256').update(style).digest('base64')
    expect(page.headers.get('content-security-policy')).toBe(
      `default-src 'none'; img-src data:; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
  })

  it('uses other paths, or serves only one of the two', async () => {
    const both = await start({ path: '/docs/v1/api.json', page: '/docs/' })
    expect((await fetch(`${both.url}/docs/v1/api.json`)).status).toBe(200)
    expect(await (await fetch(`${both.url}/docs`)).text()).toContain('href="docs/v1/api.json"')
    expect((await fetch(`${both.url}/asyncapi`)).status).toBe(404)
    const pageOnly = await start({ path: false })
    expect((await fetch(`${pageOnly.url}/asyncapi.json`)).status).toBe(404)
    expect(await (await fetch(`${pageOnly.url}/asyncapi`)).text()).not.toContain('(JSON)')
    const documentOnly = await start({ page: false })
    expect((await fetch(`${documentOnly.url}/asyncapi`)).status).toBe(404)
    expect((await fetch(`${documentOnly.url}/asyncapi.json`)).status).toBe(200)
  })

  it('can be opened from a link on another site, but scripts of other origins read it only if allowed', async () => {
    const { url } = await startApp({
      http: { allowedOrigins: ['https://studio.example'] },
      plugins: [asyncapi({ contract: mixed })],
    })
    const link = await fetch(`${url}/asyncapi`, { headers: { 'sec-fetch-site': 'cross-site' } })
    expect(link.status).toBe(200)
    const read = (origin: string) => fetch(`${url}/asyncapi.json`, { headers: { origin } })
    const allowed = (await read('https://studio.example')).headers
    expect(allowed.get('access-control-allow-origin')).toBe('https://studio.example')
    expect((await read('https://other.example')).headers.get('access-control-allow-origin')).toBeNull()
  })

  it('works on the user’s server', async () => {
    const server = createServer((_request, response) => response.end('mine'))
    const app = createApp({ logger: 'silent', plugins: [http({ server }), asyncapi({ contract: mixed })] })
    await app.start()
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { url } = app.scope.get(HttpServer)
    expect(await (await fetch(`${url}/asyncapi.json`)).json()).toMatchObject({ asyncapi: '3.0.0' })
    expect(await (await fetch(`${url}/asyncapi/more`)).text()).toBe('mine')
    await app.stop()
    expect(await (await fetch(`${url}/asyncapi.json`)).text()).toBe('mine')
  })

  it('logs one warning with all schemas that it cannot describe, and starts', async () => {
    const contract = defineContract({
      topics: { a: z.date(), b: z.bigint(), c: z.string() },
      calls: { d: { output: z.date() } },
    })
    const { lines } = await start({ contract })
    const warnings = lines.filter(({ msg }) => msg?.startsWith('asyncapi():'))
    expect(warnings).toHaveLength(1)
    const at = (where: string) => expect.objectContaining({ where })
    expect(warnings[0]?.problems).toEqual([at("topics['a']"), at("topics['b']"), at("calls['d'].output")])
    expect((await start()).lines.filter(({ msg }) => msg?.startsWith('asyncapi():'))).toEqual([])
  })

  it.each<[string, Options, RegExp]>([
    ['a contract that defineContract() has not made', { contract: {} }, /'contract' must be a contract/],
    ['a path without a slash', { path: 'docs' }, /'path' must be a path that begins with \/.*or false/],
    ['the same path twice', { path: '/docs', page: '/docs/' }, /'path' and 'page' must be different/],
    ['an unknown option', { title: 'x' } as never, /no option 'title'/],
    ['an empty title', { info: { title: '' } }, /asyncapi\(\) info: option 'title'/],
  ])('refuses %s', (_what, options, message) => {
    expect(() => asyncapi({ contract: mixed, ...options })).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(message) }),
    )
  })

  it('does not start on a path of another plugin', async () => {
    const app = createApp({
      logger: 'silent',
      plugins: [http({ port: 0 }), sse(), asyncapi({ contract: mixed, page: '/healthz' })],
    })
    onTestFinished(() => app.stop())
    await expect(app.start()).rejects.toThrow(/Two plugins use the path '\/healthz'/)
  })

  it('needs http()', () => {
    expect(() => createApp({ plugins: [asyncapi({ contract: mixed })] })).toThrow(
      expect.objectContaining({ code: 'missing_requirement' }),
    )
  })
})

/** The Ajv of AsyncAPI's parser, which validates as the tools of AsyncAPI do. */
const createValidator = () => {
  const require = createRequire(createRequire(import.meta.url).resolve('@asyncapi/parser'))
  const Ajv = require('ajv').default
  return new Ajv({ strict: false, validateFormats: false })
}

describe('the frames of a session', () => {
  it('are each valid for exactly one message of the document', async () => {
    const contract = defineContract({
      user: z.object({ role: z.string() }),
      topics: {
        'rooms/:room/messages': z.object({ text: z.string() }),
        'logs/*': z.string().optional(),
      },
      calls: {
        'chat/send': {
          input: z.object({ text: z.string() }),
          output: z.object({ id: z.string() }),
          errors: { too_fast: z.object({ waitMs: z.number() }) },
        },
        'session/touch': {},
      },
    })
    const prepare = (app: App) => {
      app.sessions.onAuthenticate(() => ({ id: '1', name: 'ada', role: 'staff' }))
      app.handle('chat/send', (_ctx, payload) => {
        const { text } = payload as { text: string }
        if (text === 'fast') throw new RookeryError('too_fast', 'Too fast', { data: { waitMs: 5 } })
        if (text === 'full') throw new RookeryError('full', 'The room is full')
        return { id: '1' }
      })
      app.handle('session/touch', () => {})
    }
    const { app, url } = await startApp({
      contract,
      plugins: [asyncapi({ contract }), history({ topics: ['logs/*'] })],
      prepare,
    } as never)
    const document = (await (await fetch(`${url}/asyncapi.json`)).json()) as {
      channels: Record<string, { messages: Record<string, { payload: { $ref: string } }> }>
      operations: Record<
        string,
        { action: string; messages: { $ref: string }[]; reply?: { messages: { $ref: string }[] } }
      >
    }
    const validator = createValidator()
    validator.addSchema({ $id: 'document', ...document })
    /** Names of the messages for which a frame is valid. */
    const matching = (refs: readonly { $ref: string }[], frame: unknown) =>
      refs.flatMap(({ $ref }) => {
        const [, , channel = '', , name = ''] = $ref.split('/')
        const payload = document.channels[channel]?.messages[name]?.payload.$ref
        return validator.compile({ $ref: `document${payload}` })(frame) ? [`${channel}.${name}`] : []
      })
    const { operations } = document
    const sent = Object.values(operations).filter(({ action }) => action === 'send')
    const bySend = (frame: Received) =>
      matching(
        sent.flatMap(({ messages }) => messages),
        frame,
      )
    const byReply = (operation: string, frame: Received) =>
      matching(operations[operation]?.reply?.messages ?? [], frame)

    const client = await connectBare(url)
    expect(bySend(client.frames[0] as Received)).toEqual(['connection.welcome'])
    const subscribe = (...topics: string[]) => client.ask({ type: 'subscribe', topics })
    expect(byReply('subscribe', await subscribe('rooms/*', '$x/y'))).toEqual(['connection.subscribed'])
    expect(byReply('subscribe', await subscribe('$x'))).toEqual(['connection.refused'])
    const since = { type: 'subscribe', topics: ['logs/*'], since: { last: 5 } }
    expect(byReply('subscribe', await client.ask(since))).toEqual(['connection.subscribed'])
    expect(matching(operations.subscribe?.messages ?? [], { ...since, id: 9 })).toEqual([
      'connection.subscribe',
    ])
    expect(bySend(await client.until(({ type }) => type === 'replayed'))).toEqual(['connection.replayed'])

    await app.publish('rooms/42/messages', { text: 'hi' })
    await app.publish('logs/a/b')
    expect(bySend(await client.until(({ topic }) => topic === 'rooms/42/messages'))).toEqual([
      'roomsRoomMessages.message',
    ])
    expect(bySend(await client.until(({ topic }) => topic === 'logs/a/b'))).toEqual(['logsAll.message'])

    const call = async (text: unknown) =>
      byReply('chatSend', await client.ask({ topic: 'chat/send', payload: { text } }))
    expect(await call('hi')).toEqual(['chatSend.reply'])
    expect(await call('fast')).toEqual(['chatSend.error_too_fast'])
    expect(await call('full')).toEqual(['chatSend.error'])
    expect(await call(7)).toEqual(['chatSend.error'])
    expect(byReply('sessionTouch', await client.ask({ topic: 'session/touch' }))).toEqual([
      'sessionTouch.reply',
    ])

    client.send({ topic: 'unknown' })
    expect(bySend(await client.until(({ type }) => type === 'error'))).toEqual(['connection.error'])
    await app.stop()
    expect(bySend(await client.until(({ type }) => type === 'close'))).toEqual(['connection.close'])
    const calls = { topic: 'chat/send', payload: { text: 'hi' }, id: 1 }
    expect(matching(operations.chatSend?.messages ?? [], calls)).toEqual(['chatSend.call'])
  })
})
