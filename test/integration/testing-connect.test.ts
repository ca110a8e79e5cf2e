import { createApp, RookeryError } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { Rooms, rooms } from 'rookery/rooms'
import { connect, MemoryCluster, request, settle } from 'rookery/testing'
import { websocket } from 'rookery/websocket'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { createClient } from '../../client/index.ts'

type Options = Parameters<typeof createApp>[0]

/** A chat that has no port. */
const createChat = (options: Options = {}) => {
  const app = createApp({ logger: 'silent', allowAnonymous: true, plugins: [rooms()], ...options })
  onTestFinished(() => app.stop())
  app.handle('chat/send', async (ctx, payload) => {
    const { room, text } = payload as { room: string; text: string }
    await ctx.publish(`rooms/${room}/messages`, { from: ctx.user.name, text })
    return { sent: true }
  })
  app.handle('echo', (_ctx, payload) => payload)
  return app
}

const ada = { id: 'u1', name: 'Ada' }
const bob = { id: 'u2', name: 'Bob' }

describe('connect()', () => {
  it('starts the app, and opens a session of the user without a port', async () => {
    const app = createChat()
    const client = await connect(app, { user: ada })
    expect(app.state).toBe('started')
    expect(client.state).toBe('open')
    expect(client.user).toEqual(ada)
    expect(app.sessions.get(client.session as string)).toMatchObject({ user: ada, transport: 'in-process' })
    expect(await client.call('chat/send', { room: '42', text: 'hi' })).toEqual({ sent: true })
  })

  it('opens an anonymous session without a user', async () => {
    const client = await connect(createChat())
    expect(client.user).toBeNull()
  })

  it('passes params: rooms() takes the name and the room from them', async () => {
    const app = createChat()
    const client = await connect(app, { params: { username: 'Eve', roomID: '42' } })
    expect(client.user?.name).toBe('Eve')
    expect([...(app.sessions.get(client.session as string)?.rooms ?? [])]).toEqual(['42'])
  })

  it('joins an app that serves clients on a port', async () => {
    const app = createChat({ plugins: [http({ port: 0 }), websocket(), rooms()] })
    await app.start()
    const { url } = app.scope.get(HttpServer)
    const remote = createClient({ url, WebSocket, params: { username: 'Eve' } })
    onTestFinished(() => remote.close())
    const local = await connect(app, { user: ada })
    const inbox = await local.messages('rooms/*')
    await remote.call('chat/send', { room: '42', text: 'over the network' })
    const { topic, payload } = await inbox.next()
    expect([topic, payload]).toEqual(['rooms/42/messages', { from: 'Eve', text: 'over the network' }])
  })

  it('connects clients of several nodes', async () => {
    const cluster = new MemoryCluster()
    const nodes = [cluster, cluster].map(() => createChat({ plugins: [cluster.plugin(), rooms()] }))
    const [one, two] = await Promise.all(nodes.map((app) => connect(app, { user: ada })))
    const inbox = await one!.messages('rooms/42/messages')
    await two!.call('chat/send', { room: '42', text: 'hi' })
    expect((await inbox.next()).payload).toEqual({ from: 'Ada', text: 'hi' })
  })

  it('restores rooms and subscriptions after a lost connection, and replaces its session', async () => {
    const app = createChat()
    const [client, other] = [await connect(app, { user: ada }), await connect(app, { user: bob })]
    const inbox = await client.messages('rooms/42/messages')
    await client.join('42').ready
    const { session } = client
    client.dropConnection()
    expect(client.state).toBe('waiting')
    client.connect()
    await client.ready()
    expect(client.session).not.toBe(session)
    await client.call('echo', 'restored')
    await other.call('chat/send', { room: '42', text: 'back?' })
    expect((await inbox.next()).payload).toEqual({ from: 'Bob', text: 'back?' })
    const { items } = await app.scope.get(Rooms).members('42')
    expect(items.map(({ id }) => id)).toEqual(['u1'])
    expect(app.sessions.size).toBe(2)
  })

  it('rejects calls that a lost connection cuts off, and keeps the session of other clients', async () => {
    const app = createChat()
    const reason = new Promise((resolve) => {
      app.handle('drop', (ctx) => {
        client.dropConnection()
        return new Promise<void>((done) => {
          ctx.signal.addEventListener('abort', () => {
            resolve(ctx.signal.reason)
            done()
          })
        })
      })
    })
    const [client, other] = [await connect(app, { user: ada }), await connect(app, { user: bob })]
    await expect(client.call('drop')).rejects.toMatchObject({ code: 'disconnected' })
    expect(await reason).toMatchObject({ code: 'disconnected' })
    expect(other.state).toBe('open')
  })

  it('takes messages through JSON in both directions', async () => {
    const client = await connect(createChat())
    const date = new Date(0)
    const sent = { date, missing: undefined, list: [undefined, Number.NaN] }
    const reply = await client.call('echo', sent)
    expect(reply).toEqual({ date: date.toISOString(), list: [null, null] })
    await expect(client.call('echo', new Map())).rejects.toMatchObject({ code: 'unserializable' })
  })

  it('gives no object to two sides', async () => {
    const app = createChat()
    const seen: object[] = []
    app.handle('keep', (_ctx, payload) => {
      seen.push(payload as object)
      return payload
    })
    const client = await connect(app)
    const sent = { list: [1] }
    const reply = client.call<typeof sent>('keep', sent)
    sent.list.push(2)
    expect(await reply).toEqual({ list: [1] })
    expect(await reply).not.toBe(seen[0])
  })

  it('keeps the limits of the app', async () => {
    const app = createChat({
      limits: { maxPayload: 200, messageRate: 1, messageBurst: 2, maxConnections: 1 },
    })
    const client = await connect(app)
    await expect(client.call('echo', 'x'.repeat(300))).rejects.toMatchObject({ code: 'payload_too_large' })
    await expect(connect(app)).rejects.toMatchObject({ code: 'too_many_connections' })
  })

  it('rejects with the error of a hook that refuses the client, and leaves no session', async () => {
    const app = createChat()
    app.sessions.onOpen(() => {
      throw new RookeryError('not_on_sundays', 'Closed', { retryable: true })
    })
    await expect(connect(app, { user: ada })).rejects.toMatchObject({ code: 'not_on_sundays' })
    expect(app.sessions.size).toBe(0)
  })

  it('rejects with the error of the start', async () => {
    const broken = { name: 'broken', start: () => Promise.reject(new Error('no database')) }
    await expect(connect(createChat({ plugins: [broken] }))).rejects.toMatchObject({ code: 'plugin_failed' })
  })

  it('refuses unknown options, an invalid user and a stopped app', async () => {
    const app = createChat()
    await expect(connect(app, { usr: ada } as object)).rejects.toMatchObject({ code: 'invalid_option' })
    await expect(connect(app, { user: 'ada' as never })).rejects.toMatchObject({ code: 'invalid_option' })
    await expect(connect(app, { user: { id: 'u1' } as never })).rejects.toMatchObject({
      code: 'invalid_option',
    })
    await app.stop()
    await expect(connect(app)).rejects.toMatchObject({ code: 'app_stopped' })
  })
})

describe('a client of connect()', () => {
  it('closes when the app stops', async () => {
    const app = createChat()
    const client = await connect(app)
    const inbox = await client.messages('news/*')
    const next = expect(inbox.next()).rejects.toThrow(/before its subscription ended/)
    await app.stop()
    expect(client.state).toBe('closed')
    await next
  })

  it('closes when it finds the app stopped after a lost connection', async () => {
    const app = createChat()
    const client = await connect(app, { reconnect: { min: 1, max: 1 } })
    client.dropConnection()
    await app.stop()
    await expect.poll(() => client.state).toBe('closed')
  })

  it('ends its session when it closes', async () => {
    const app = createChat()
    const client = await connect(app, { user: ada })
    client.send('chat/send', { room: '42', text: 'last words' })
    const heard = new Promise((resolve) => app.bus.subscribe('rooms/42/messages', resolve))
    client.close()
    await heard
    await settle()
    expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 })
  })

  it('learns why the server has closed its session', async () => {
    const app = createChat()
    const client = await connect(app, { user: ada })
    const closed = new Promise<unknown>((resolve) => client.on('close', resolve))
    await app.sessions.disconnect({ user: 'u1' })
    expect(await closed).toMatchObject({ error: { code: 'session_closed' }, willReconnect: false })
  })

  it('closes at the end of a `using` block', async () => {
    const client = await connect(createChat())
    client[Symbol.dispose]()
    expect(client.state).toBe('closed')
  })
})

describe('request()', () => {
  it('returns the reply of a handler, and leaves no session', async () => {
    const app = createChat()
    expect(await request(app, 'chat/send', { room: '1', text: 'hi' }, { user: ada })).toEqual({ sent: true })
    await settle()
    expect(app.sessions.size).toBe(0)
  })

  it('rejects with the error of the handler', async () => {
    const app = createChat()
    app.handle('shop/buy', () => {
      throw new RookeryError('sold_out', 'Sold out', { data: { left: 0 } })
    })
    await expect(request(app, 'shop/buy')).rejects.toMatchObject({ code: 'sold_out', data: { left: 0 } })
    await expect(request(app, 'nobody/handles')).rejects.toMatchObject({ code: 'unknown_topic' })
  })
})
