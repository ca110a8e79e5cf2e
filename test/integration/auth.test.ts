import { createApp } from 'rookery'
import { auth } from 'rookery/auth'
import { createClient } from 'rookery/client'
import { http } from 'rookery/http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { SseReader } from '../support/sse-reader.ts'
import {
  bearer,
  connect,
  connectSocketIo,
  makeToken,
  now,
  refusal,
  SECRET,
  startAuth,
} from './auth-support.ts'

const ada = { id: 'ada', name: 'Ada' }

describe('a client may present its token', () => {
  it('in a header, and the username in the query is then ignored', async () => {
    const { url } = await startAuth()
    const peer = await connect(url, await makeToken({ name: 'Ada' }), '?username=mallory')
    expect(peer.frames[0]?.user).toEqual(ada)
  })

  it('in its first frame, if it cannot set a header', async () => {
    const { url } = await startAuth()
    const peer = new BareClient(`${url}/api/v1/ws?username=mallory`)
    await vi.waitFor(() => expect(peer.socket.readyState).toBe(WebSocket.OPEN))
    peer.send({ type: 'auth', token: await makeToken({ name: 'Ada' }) })
    peer.send({ topic: 'whoami', id: 7 })
    expect((await peer.until(({ type }) => type === 'welcome')).user).toEqual(ada)
    expect((await peer.until(({ id }) => id === 7)).payload).toEqual(ada)
  })

  it('with the client library', async () => {
    const { url } = await startAuth()
    const client = createClient({ url, WebSocket, token: () => makeToken({ name: 'Ada' }) })
    onTestFinished(() => client.close())
    expect(await client.call('whoami')).toEqual(ada)
  })

  it('in a header of an event stream', async () => {
    const { url } = await startAuth()
    const headers = { authorization: `bearer ${await makeToken({ name: 'Ada' })}` }
    const reader = await SseReader.open(`${url}/api/v1/sse`, headers)
    expect((await reader.until(({ type }) => type === 'welcome')).user).toEqual(ada)
  })

  it('in auth.token of Socket.IO', async () => {
    const { url } = await startAuth()
    expect((await connectSocketIo(url, { token: await makeToken({ name: 'Ada' }) })).user).toEqual(ada)
    expect((await connectSocketIo(url, { token: 'garbage' })).code).toBe('invalid_token')
    expect((await connectSocketIo(url, {})).code).toBe('unauthenticated')
  })

  it('in the URL, only if the option query is set', async () => {
    const closed = await startAuth()
    const open = await startAuth({ query: 'access_token' })
    const query = `?access_token=${await makeToken({ name: 'Ada' })}`
    expect((await fetch(`${closed.url}/api/v1/sse${query}`)).status).toBe(401)
    expect((await connectBare(open.url, query)).frames[0]?.user).toEqual(ada)
  })
})

describe('a client is refused', () => {
  it.each<[string, () => Promise<string>, string]>([
    ['that has expired', () => makeToken({ exp: now() - 1 }), 'token_expired'],
    ['signed with another key', () => makeToken({}, { key: Buffer.alloc(40) }), 'invalid_token'],
    ['that is too large', () => makeToken({ x: 'x'.repeat(8200) }), 'invalid_token'],
  ])('with a token %s', async (_name, make, code) => {
    const { url, lines } = await startAuth()
    const token = await make()
    expect(await refusal(url, bearer(token))).toBe(code)
    const stream = await fetch(`${url}/api/v1/sse`, { headers: { authorization: `Bearer ${token}` } })
    expect([stream.status, ((await stream.json()) as { error: { code: string } }).error.code]).toEqual([
      401,
      code,
    ])
    expect(JSON.stringify(lines)).not.toContain(token.split('.')[2])
  })

  it('without a token, and told not to reconnect', async () => {
    const { url } = await startAuth()
    const stream = await fetch(`${url}/api/v1/sse`, { headers: { accept: 'text/event-stream' } })
    expect(stream.status).toBe(401)
    expect(await stream.json()).toMatchObject({ error: { code: 'unauthenticated' }, reconnectAfter: null })
    const peer = new BareClient(`${url}/api/v1/ws`)
    await vi.waitFor(() => expect(peer.socket.readyState).toBe(WebSocket.OPEN))
    peer.send({ topic: 'echo', payload: 1, id: 1 })
    expect(await peer.untilClosed()).toEqual({ code: 4401, reason: 'unauthenticated' })
    expect(peer.frames).toMatchObject([{ type: 'close', reconnectAfter: null }])
  })

  it('if its first frame does not arrive within the handshake time', async () => {
    const { url } = await startAuth({}, { handshakeTimeout: 2000 })
    expect(await refusal(url)).toBe('unauthenticated')
  })

  it('if the token that it has announced is late, and told to come back', async () => {
    const { url } = await startAuth({}, { handshakeTimeout: 2000 })
    const peer = new BareClient(`${url}/api/v1/ws?auth=first`)
    expect(await peer.untilClosed()).toEqual({ code: 4408, reason: 'handshake_timeout' })
    expect(peer.frames[0]).not.toHaveProperty('reconnectAfter', null)
  })

  it('with a wrong token in its first frame', async () => {
    const { url } = await startAuth()
    const peer = new BareClient(`${url}/api/v1/ws`)
    await vi.waitFor(() => expect(peer.socket.readyState).toBe(WebSocket.OPEN))
    peer.send({ type: 'auth', token: 'x'.repeat(9000) })
    expect(await peer.untilClosed()).toEqual({ code: 4401, reason: 'invalid_token' })
  })
})

describe('with required: false, a client without a token', () => {
  it('has no user, whatever name it gives, and the server does not wait for its first frame', async () => {
    const { url } = await startAuth({ required: false })
    const peer = await connectBare(url, '?username=ada')
    expect(peer.frames[0]?.user).toBeNull()
    expect((await peer.ask({ type: 'auth', token: await makeToken() })).error.code).toBe('forbidden')
    expect((await peer.ask({ topic: 'auth/logout' })).error.code).toBe('unauthenticated')
  })

  it('may announce a token in its first frame', async () => {
    const { url } = await startAuth({ required: false })
    const peer = new BareClient(`${url}/api/v1/ws?auth=first`)
    await vi.waitFor(() => expect(peer.socket.readyState).toBe(WebSocket.OPEN))
    peer.send({ type: 'auth', token: await makeToken({ name: 'Ada' }) })
    expect((await peer.until(({ type }) => type === 'welcome')).user).toEqual(ada)
  })

  it('is accepted, while a client with an invalid token is refused', async () => {
    const { url } = await startAuth({ required: false })
    expect(await refusal(url, bearer('garbage'))).toBe('invalid_token')
    expect(await refusal(url, bearer('more garbage'))).toBe('invalid_token')
  })
})

describe('a cookie', () => {
  const start = async () => await startAuth({ cookie: 'token' })
  const open = async (headers: Record<string, string>) => {
    const { url } = await start()
    const token = await makeToken({ name: 'Ada' })
    const response = await fetch(`${url}/api/v1/sse`, {
      headers: { cookie: `a=b; token=${token}`, ...headers },
    })
    await response.body?.cancel()
    return response.status
  }

  it('may contain the token', async () => {
    const { url } = await start()
    const token = await makeToken({ name: 'Ada' })
    const peer = await connectBare(url, '', { headers: { cookie: `x=1; token=${token}`, origin: url } })
    expect(peer.frames[0]?.user).toEqual(ada)
    expect(await open({})).toBe(200)
  })

  it('is accepted only from pages of allowed origins', async () => {
    const { url } = await start()
    const cookie = `token=${await makeToken()}`
    const peer = new BareClient(`${url}/api/v1/ws`, { headers: { cookie, origin: 'https://evil.test' } })
    await new Promise((resolve) => peer.socket.once('error', resolve))
    expect(peer.frames).toEqual([])
    expect(await open({ origin: 'https://evil.test' })).toBe(403)
    expect(await open({ 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await open({ 'sec-fetch-site': 'same-site' })).toBe(403)
    expect(await open({ 'sec-fetch-site': 'same-origin' })).toBe(200)
  })

  it('needs allowedOrigins that refuse other origins', async () => {
    for (const allowedOrigins of ['*', () => true] as const) {
      const app = createApp({
        logger: 'silent',
        plugins: [http({ port: 0, allowedOrigins }), auth({ jwt: { secret: SECRET }, cookie: 'token' })],
      })
      await expect(app.start()).rejects.toMatchObject({
        cause: { code: 'invalid_option', message: expect.stringContaining('allowedOrigins') },
      })
    }
    expect(() => createApp({ plugins: [auth({ jwt: { secret: SECRET }, cookie: 'token' })] })).toThrow(
      expect.objectContaining({ code: 'missing_requirement' }),
    )
  })
})

describe('authenticate', () => {
  it('authenticates clients without tokens', async () => {
    const shared = { id: 'ada', name: 'Ada' }
    const { url, auth } = await startAuth({
      authenticate: async ({ headers }) => (headers.cookie === 'sid=1' ? shared : null),
    })
    const peer = await connectBare(url, '?username=mallory', { headers: { cookie: 'sid=1' } })
    const other = await connectBare(url, '', { headers: { cookie: 'sid=1' } })
    expect(peer.frames[0]?.user).toEqual(ada)
    expect(await refusal(url)).toBe('unauthenticated')
    expect((await peer.ask({ type: 'auth', token: await makeToken() })).error.code).toBe('forbidden')
    expect((await peer.ask({ topic: 'auth/logout' })).error.code).toBe('unknown_topic')
    await expect(auth.verify(await makeToken())).rejects.toMatchObject({ code: 'invalid_option' })
    expect(await auth.revoke({ session: String(other.frames[0]?.session) })).toEqual({
      sessions: 1,
      missing: [],
    })
    expect((await other.untilClosed()).reason).toBe('token_revoked')
    expect(await auth.revoke({ user: 'ada' })).toEqual({ sessions: 1, missing: [] })
    expect((await peer.untilClosed()).reason).toBe('token_revoked')
    // `authenticate` accepts the user again.
    await connectBare(url, '', { headers: { cookie: 'sid=1' } })
  })

  it('that throws refuses the client with internal, and hides the error', async () => {
    const { url, lines } = await startAuth({
      authenticate: () => {
        throw new Error('the database is away')
      },
    })
    expect(await refusal(url)).toBe('internal')
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error', stage: 'handshake' }))
  })
})
