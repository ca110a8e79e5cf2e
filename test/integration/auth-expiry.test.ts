import { createClient, sse, websocket } from 'rookery/client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { verifies } from '../requirements.ts'
import { slowdown } from '../support/slowdown.ts'
import { SseReader } from '../support/sse-reader.ts'
import { bearer, connect, connectSocketIo, makeToken, now, refusal, startAuth } from './auth-support.ts'

/** Creates a token that expires in one to two seconds, because `exp` is in whole seconds. */
const shortToken = (claims: object = {}) => makeToken({ exp: now() + 2, ...claims })

describe('a token that expires', () => {
  it('makes the server ask for a new token, and ends the session if none comes', async () => {
    const { url, app } = await startAuth({ grace: 200 })
    verifies('protocol.server-frame.auth')
    const began = Date.now()
    const exp = now() + 2
    const peer = await connect(url, await makeToken({ exp }))
    const { expiresIn } = await peer.until(({ type }) => type === 'auth')
    expect(expiresIn).toBeGreaterThan(0)
    expect(expiresIn).toBeLessThanOrEqual(1001)
    expect(Date.now()).toBeLessThan(exp * 1000)
    expect(await peer.untilClosed()).toEqual({ code: 4401, reason: 'token_expired' })
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000 + 200)
    expect(Date.now() - began).toBeLessThan(6000 * slowdown())
    expect(peer.frames.at(-1)).toMatchObject({ type: 'close', reconnectAfter: expect.any(Number) })
    expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 })
  })

  it('ends an event stream, and a Socket.IO connection that does not renew it', async () => {
    const { url } = await startAuth({ grace: 0 })
    const headers = { authorization: `Bearer ${await shortToken()}` }
    const reader = await SseReader.open(`${url}/api/v1/sse`, headers)
    const { socket } = await connectSocketIo(url, { token: await shortToken() })
    const gone = new Promise((resolve) => socket.on('disconnect', resolve))
    const closed = await reader.until(({ type }) => type === 'close')
    expect(closed.error.code).toBe('token_expired')
    await gone
  })

  it('can be renewed while the connection stays open', async () => {
    const { url } = await startAuth({ grace: 0 })
    verifies('protocol.client-frame.new-token-keeps-session')
    const peer = await connect(url, await shortToken())
    const token = await makeToken({ exp: now() + 4, name: 'Ada' })
    const { payload } = await peer.ask({ type: 'auth', token })
    expect(payload.expiresIn).toBeGreaterThan(2000)
    expect((await peer.ask({ topic: 'whoami' })).payload).toEqual({ id: 'ada', name: 'Ada' })
    const end = Date.now() + 2000
    await peer.until(({ type }) => type === 'auth')
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(end))
    expect(peer.closed).toBeUndefined()
    expect((await peer.untilClosed()).reason).toBe('token_expired')
  })

  it('can be renewed by a Socket.IO client', async () => {
    const { url } = await startAuth({ grace: 0 })
    const { socket } = await connectSocketIo(url, { token: await shortToken() })
    const asked = new Promise<{ expiresIn: number }>((resolve) => socket.on('$auth', resolve))
    expect((await asked).expiresIn).toBeGreaterThan(0)
    const token = await makeToken({ name: 'Ada' })
    expect((await socket.emitWithAck('auth', token)).expiresIn).toBeGreaterThan(500_000)
    expect(await socket.emitWithAck('whoami')).toEqual({ id: 'ada', name: 'Ada' })
  })

  it.each([
    ['WebSocket', [websocket({ WebSocket })]],
    ['server-sent events', [sse()]],
  ])('is renewed by the client library over %s', async (_name, transports) => {
    const { url } = await startAuth({ grace: 0 })
    let made = 0
    const token = () => {
      made++
      return made === 1 ? shortToken() : makeToken({ name: `Ada ${made}` })
    }
    const client = createClient({ url, transports, token })
    onTestFinished(() => client.close())
    const opened = vi.fn()
    client.on('open', opened)
    await vi.waitFor(async () => expect(await client.call('whoami')).toEqual({ id: 'ada', name: 'Ada 2' }))
    expect(opened).toHaveBeenCalledTimes(1)
  })
})

describe('a new token', () => {
  it('that is not valid is refused, and the sixth in a row ends the session', async () => {
    const { url } = await startAuth()
    const peer = await connect(url, await makeToken())
    const code = async (token: string) => (await peer.ask({ type: 'auth', token })).error?.code ?? 'ok'
    expect(await code('garbage')).toBe('invalid_token')
    expect(await code(await makeToken({ exp: now() - 1 }))).toBe('token_expired')
    expect(await code(await makeToken({ sub: 'bob' }))).toBe('forbidden')
    expect(await code(await makeToken())).toBe('ok')
    for (const _count of [1, 2, 3, 4, 5]) expect(await code('garbage')).toBe('invalid_token')
    expect((await peer.ask({ topic: 'whoami' })).payload).toEqual({ id: 'ada', name: 'ada' })
    peer.send({ type: 'auth', token: 'garbage' })
    expect(await peer.untilClosed()).toEqual({ code: 4401, reason: 'invalid_token' })
    expect(peer.frames.at(-1)).toMatchObject({ type: 'close', reconnectAfter: null })
  })

  it('that has been revoked is refused', async () => {
    const { url, auth } = await startAuth()
    const peer = await connect(url, await makeToken())
    await auth.revoke({ tokenId: 'stolen' })
    const token = await makeToken({ jti: 'stolen' })
    expect((await peer.ask({ type: 'auth', token })).error.code).toBe('token_revoked')
    expect(await refusal(url, bearer(token))).toBe('token_revoked')
  })
})
