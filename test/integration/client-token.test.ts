import { RookeryError } from 'rookery'
import {
  type Client,
  type ClientOptions,
  type ClientTransport,
  createClient,
  sse,
  websocket,
} from 'rookery/client'
import { socketio } from 'rookery/client/socketio'
import { socketio as socketioPlugin } from 'rookery/socketio'
import { sse as ssePlugin } from 'rookery/sse'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { Frame } from '../../core/protocol/frame.ts'
import type { Handshake } from '../../core/sessions/transport.ts'
import { startApp } from '../support/app.ts'
import { FaultyProxy } from '../support/proxy.ts'

const transports: [string, () => ClientTransport][] = [
  ['WebSocket', () => websocket({ WebSocket })],
  ['server-sent events', () => sse()],
  ['Socket.IO', () => socketio()],
]

const presented = async ({ token, headers, firstToken }: Handshake): Promise<string | undefined> =>
  token ?? /^Bearer (.+)$/.exec(`${headers.authorization}`)?.[1] ?? (await firstToken?.())

/** An app whose users have the name of their first token. */
const start = async () => {
  const renewed = vi.fn()
  const { app, url } = await startApp({ plugins: [ssePlugin(), socketioPlugin({ closeTimeout: 200 })] })
  app.sessions.onAuthenticate(async (handshake) => {
    const token = await presented(handshake)
    if (!token) throw new RookeryError('unauthenticated')
    if (token === 'expired') throw new RookeryError('token_expired')
    return { id: token, name: token }
  })
  app.sessions.onToken((_session, token) => {
    renewed(token)
    if (token === 'wrong') throw new RookeryError('invalid_token')
    return { expiresIn: 60_000 }
  })
  const expire = () => {
    for (const session of app.sessions)
      app.sessions.push(session, new Frame({ type: 'auth', expiresIn: 30_000 }))
  }
  return { app, url, renewed, expire }
}

const connect = (url: string, options: ClientOptions): Client => {
  const client = createClient({
    url,
    reconnect: { min: 5, max: 50 },
    upgrade: { min: 20, max: 50 },
    ...options,
  })
  onTestFinished(() => client.close())
  return client
}

const record = (client: Client) => {
  const errors: string[] = []
  const closes: string[] = []
  client.on('error', ({ code }) => errors.push(code))
  client.on('close', ({ error }) => closes.push(error.code))
  return { errors, closes }
}

/** `t1`, `t2`, … */
const numbered = () => {
  let last = 0
  return vi.fn(async () => `t${++last}`)
}

/** Longer than the default, for a busy machine. */
const until = (check: () => void) => vi.waitFor(check)

const untilUser = (client: Client, id: string) => until(() => expect(client.user?.id).toBe(id))

/** Records method and authorization of every request from now on. */
const recordRequests = () => {
  const { fetch } = globalThis
  const requests: string[] = []
  vi.stubGlobal('fetch', (address: string, init: RequestInit) => {
    requests.push(`${init.method ?? 'GET'} ${new Headers(init.headers).get('authorization')}`)
    return fetch(address, init)
  })
  return requests
}

afterEach(() => {
  vi.unstubAllGlobals()
})

describe.each(transports)('over %s, a token', (_name, transport) => {
  it('authenticates the client', async () => {
    const { url } = await start()
    const client = connect(url, { transports: [transport()], token: 'ada' })
    await untilUser(client, 'ada')
  })

  it('is requested for every session', async () => {
    const { app, url } = await start()
    const client = connect(url, { transports: [transport()], token: numbered() })
    await untilUser(client, 't1')
    await app.sessions.disconnect({ user: 't1' }, new RookeryError('token_expired'))
    await until(() => expect(client.user).toBeNull())
    client.connect()
    await untilUser(client, 't2')
  })

  it('that has expired and cannot be renewed closes the client', async () => {
    const { app, url } = await start()
    const client = connect(url, { transports: [transport()], token: 'ada' })
    const { errors, closes } = record(client)
    await untilUser(client, 'ada')
    await app.sessions.disconnect({ user: 'ada' }, new RookeryError('token_expired'))
    await until(() => expect(client.state).toBe('closed'))
    expect([errors, closes]).toEqual([['token_expired'], ['token_expired']])
  })

  it('is renewed once when the server asks, while calls go on', async () => {
    const { url, renewed, expire } = await start()
    const token = numbered()
    const client = connect(url, { transports: [transport()], token })
    const { errors, closes } = record(client)
    await untilUser(client, 't1')
    expire()
    expire()
    await until(() => expect(renewed).toHaveBeenCalled())
    await client.subscribe('a', () => {}).ready
    expect([renewed.mock.calls, token.mock.calls.length]).toEqual([[['t2']], 2])
    expect([client.user?.id, errors, closes]).toEqual(['t1', [], []])
  })

  it('that is renewed with an invalid one causes an error event, and the session goes on', async () => {
    const { url, expire } = await start()
    const token = vi.fn(async () => 'wrong').mockResolvedValueOnce('ada')
    const client = connect(url, { transports: [transport()], token })
    const { errors, closes } = record(client)
    await untilUser(client, 'ada')
    expire()
    await until(() => expect(errors).toEqual(['invalid_token']))
    expect([client.user?.id, closes]).toEqual(['ada', []])
  })

  it('may allow less than before: the server ends the subscriptions that it does not allow', async () => {
    const { app, url } = await start()
    const allowed = new Set(['news', 'secret'])
    app.sessions.addAuthorizer({
      authorize: (_session, _action, topic) => allowed.has(topic),
      authorizePattern: () => true,
    })
    const client = connect(url, { transports: [transport()], token: 'ada' })
    const heard = vi.fn()
    const news = client.subscribe('news', heard)
    const secret = client.subscribe('secret', heard)
    await Promise.all([news.ready, secret.ready])
    allowed.delete('secret')
    for (const session of app.sessions) await session.renew({ id: 'ada', name: 'Ada' })
    await until(() => expect([secret.state, secret.error?.code]).toEqual(['failed', 'forbidden']))
    await app.publish('secret', 1)
    await app.publish('news', 2)
    await until(() => expect(heard.mock.calls.map(([payload]) => payload)).toEqual([2]))
    expect(news.state).toBe('active')
  })
})

describe('over server-sent events, a token', () => {
  it('is sent with every request, and a new one once the server has accepted it', async () => {
    const { url, app, renewed, expire } = await start()
    const requests = recordRequests()
    const client = connect(url, { transports: [sse()], token: numbered() })
    await client.subscribe('a', () => {}).ready
    expire()
    await until(() => expect(renewed).toHaveBeenCalled())
    // The client uses the new token after the reply, which arrives some time later.
    await until(() => {
      client.send('anything')
      expect(requests.at(-1)).toBe('POST Bearer t2')
    })
    client.close()
    await until(() => expect(app.sessions.size).toBe(0))
    const changed = requests.indexOf('POST Bearer t2')
    expect(new Set(requests.slice(0, changed))).toEqual(new Set(['GET Bearer t1', 'POST Bearer t1']))
    expect(new Set(requests.slice(changed))).toEqual(new Set(['POST Bearer t2', 'DELETE Bearer t2']))
  })

  it.each(['authorization', 'Authorization'])(
    'is replaced by a header %s of the application',
    async (name) => {
      const { url } = await start()
      const transports = [sse({ headers: async () => ({ [name]: 'Bearer own', 'x-tenant': 'acme' }) })]
      const client = connect(url, { transports, token: 'ada' })
      await untilUser(client, 'own')
    },
  )
})

describe('over Socket.IO, a token', () => {
  it.each([
    [{ more: '1' }, 'ada'],
    [{ token: 'own' }, 'own'],
    [() => ({ token: 'own' }), 'own'],
  ])('is sent in addition to auth, which has precedence: %o', async (auth, id) => {
    const { url } = await start()
    await untilUser(connect(url, { transports: [socketio({ auth })], token: 'ada' }), id)
  })
})

describe('over Socket.IO, a temporary refusal', () => {
  it('gives the time of the reconnect', async () => {
    const { app, url } = await startApp({ plugins: [socketioPlugin({ closeTimeout: 200 })] })
    const busy = app.sessions.onAuthenticate(() => {
      throw new RookeryError('too_many_connections')
    })
    const client = connect(url, { transports: [socketio()] })
    const waits = vi.fn()
    client.on('state', (state, { error, retryIn }) => state === 'waiting' && waits(error?.code, retryIn))
    await until(() => expect(waits).toHaveBeenCalledWith('too_many_connections', expect.any(Number)))
    busy()
    client.connect()
    await until(() => expect(client.state).toBe('open'))
  })
})

describe('a client that falls back', () => {
  it('sends its token over both transports', async () => {
    const { url } = await start()
    const proxy = await FaultyProxy.listen(url, { upgrades: 403 })
    const client = connect(proxy.url, {
      transports: [websocket({ WebSocket }), sse()],
      token: async () => 'ada',
    })
    await untilUser(client, 'ada')
    expect(client.transport).toBe('sse')
    proxy.heal()
    await until(() => expect(client.transport).toBe('websocket'))
    expect(client.user?.id).toBe('ada')
  })
})

it('an app without tokens reports it in an error event, and lets the client in', async () => {
  const { url } = await startApp()
  const client = connect(url, { transports: [websocket({ WebSocket })], token: 'ada' })
  const { errors } = record(client)
  await until(() => expect(errors).toEqual(['forbidden']))
  expect(client.state).toBe('open')
})
