import { describe, expect, it, vi } from 'vitest'
import { slowdown } from '../support/slowdown.ts'
import { SseReader } from '../support/sse-reader.ts'
import {
  bearer,
  connect,
  connectSocketIo,
  makeToken,
  now,
  refusal,
  startAuth,
  startAuthNodes,
} from './auth-support.ts'

const revokedClose = { code: 4401, reason: 'token_revoked' }

describe('revoke', () => {
  it('of a user closes all sessions of the user, and refuses the tokens issued so far', async () => {
    const { url, app, auth } = await startAuth()
    const token = await makeToken()
    const earlier = await makeToken({ iat: now() - 1 })
    const phone = await connect(url, token)
    const reader = await SseReader.open(`${url}/api/v1/sse`, { authorization: `Bearer ${await makeToken()}` })
    await reader.until(({ type }) => type === 'welcome')
    const { socket } = await connectSocketIo(url, { token: await makeToken({ jti: 'x' }) })
    const bob = await connect(url, await makeToken({ sub: 'bob' }))
    const left = new Promise((resolve) => socket.on('disconnect', resolve))
    expect(await auth.revoke({ user: 'ada' })).toEqual({ sessions: 3, missing: [] })
    expect(await phone.untilClosed()).toEqual(revokedClose)
    expect(phone.frames.at(-1)).toMatchObject({ type: 'close', reconnectAfter: null })
    await reader.until(({ type }) => type === 'close')
    await left
    expect(bob.closed).toBeUndefined()
    expect(await refusal(url, bearer(token))).toBe('token_revoked')
    // Issued before the revocation, or at an unknown time.
    expect(await refusal(url, bearer(earlier))).toBe('token_revoked')
    expect(await refusal(url, bearer(await makeToken({ iat: undefined })))).toBe('token_revoked')
    await expect(auth.verify(token)).rejects.toMatchObject({ code: 'token_revoked' })
    expect(app.usage.sessions).toBe(1)
  })

  it('of a user does not refuse a token that is issued later', async () => {
    const { url, auth } = await startAuth()
    await auth.revoke({ user: 'ada' })
    const peer = await connect(url, await makeToken({ iat: now() + 2 }))
    expect(await auth.revoke({ user: 'ada' }, { until: new Date(Date.now() + 60_000) })).toMatchObject({
      sessions: expect.any(Number),
    })
    expect(peer.frames[0]?.type).toBe('welcome')
  })

  it('of a session refuses its token, with or without a jti', async () => {
    const { url, auth } = await startAuth()
    for (const jti of ['one', undefined]) {
      const token = await makeToken({ jti, iat: now() - 5 })
      const peer = await connect(url, token)
      const twin = await connect(url, token)
      const other = await connect(url, await makeToken())
      const session = String(peer.frames[0]?.session)
      expect(await auth.revoke({ session })).toEqual({ sessions: 2, missing: [] })
      expect(await peer.untilClosed()).toEqual(revokedClose)
      expect(await twin.untilClosed()).toEqual(revokedClose)
      expect(other.closed).toBeUndefined()
      expect(await refusal(url, bearer(token))).toBe('token_revoked')
      expect(await auth.revoke({ session })).toEqual({ sessions: 0, missing: [] })
    }
  })

  it('of a token without a jti cannot be evaded by another spelling of the signature', async () => {
    const { url, auth } = await startAuth()
    const token = await makeToken()
    const { tokenId } = await auth.verify(token)
    await auth.revoke({ tokenId })
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet.indexOf(token.at(-1) as string)
    // The last base64url character of 32 bytes has two unused bits.
    for (const bits of [0, 1, 2, 3]) {
      const twin = token.slice(0, -1) + alphabet[(last & ~3) | bits]
      expect(['token_revoked', 'invalid_token']).toContain(await refusal(url, bearer(twin)))
    }
  })

  it('refuses invalid targets and dates', async () => {
    const { auth } = await startAuth()
    for (const target of [
      {},
      { user: '' },
      { user: 'a', session: 'b' },
      { room: 'x' },
      null,
      { tokenId: 7 },
    ]) {
      await expect(auth.revoke(target as never)).rejects.toMatchObject({ code: 'invalid_option' })
    }
    await expect(auth.revoke({ user: 'a' }, { until: new Date('x') })).rejects.toMatchObject({
      code: 'invalid_option',
    })
  })
})

describe('auth/logout', () => {
  it('replies, then ends the session, and its token is refused from then on', async () => {
    const { url, auth } = await startAuth()
    const token = await makeToken()
    const peer = await connect(url, token)
    const other = await connect(url, await makeToken({ jti: 'other' }))
    expect((await peer.ask({ topic: 'auth/logout' })).payload).toEqual({ sessions: 1, missing: [] })
    expect(await peer.untilClosed()).toEqual(revokedClose)
    expect(await refusal(url, bearer(token))).toBe('token_revoked')
    expect((await other.ask({ type: 'auth', token })).error.code).toBe('token_revoked')
    expect(auth.claims({ user: null } as never)).toBeUndefined()
  })

  it('with everywhere: true ends all sessions of the user', async () => {
    const { url } = await startAuth()
    const peer = await connect(url, await makeToken())
    const other = await connect(url, await makeToken({ jti: 'other' }))
    const third = await makeToken({ jti: 'third' })
    const bad = await peer.ask({ topic: 'auth/logout', payload: { everywhere: 'yes' } })
    expect(bad.error).toMatchObject({ code: 'invalid_payload', issues: [{ path: ['everywhere'] }] })
    const { payload } = await peer.ask({ topic: 'auth/logout', payload: { everywhere: true } })
    expect(payload).toEqual({ sessions: 2, missing: [] })
    expect(await peer.untilClosed()).toEqual(revokedClose)
    expect(await other.untilClosed()).toEqual(revokedClose)
    expect(await refusal(url, bearer(third))).toBe('token_revoked')
  })
})

describe('on several nodes, revoke', () => {
  it('closes sessions on every node within a second, and every node refuses their tokens', async () => {
    const { nodes } = await startAuthNodes(3)
    const [a, b, c] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]]
    const token = await makeToken()
    const peers = await Promise.all([connect(a.url, token), connect(b.url, token), connect(b.url, token)])
    const began = Date.now()
    expect(await c.auth.revoke({ user: 'ada' })).toEqual({ sessions: 3, missing: [] })
    for (const peer of peers) expect(await peer.untilClosed()).toEqual(revokedClose)
    expect(Date.now() - began).toBeLessThan(1000 * slowdown())
    for (const { url } of nodes) expect(await refusal(url, bearer(token))).toBe('token_revoked')
  })

  it('of a session revokes its token, whichever node has the session', async () => {
    const { nodes } = await startAuthNodes(2)
    const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
    const token = await makeToken()
    const here = await connect(a.url, token)
    const there = await connect(b.url, token)
    const session = String(there.frames[0]?.session)
    expect(await a.auth.revoke({ session })).toEqual({ sessions: 2, missing: [] })
    expect(await here.untilClosed()).toEqual(revokedClose)
    expect(await there.untilClosed()).toEqual(revokedClose)
    expect(await a.auth.revoke({ session: `${b.app.cluster.node}-nobody` })).toEqual({
      sessions: 0,
      missing: [],
    })
  })

  it('reaches nodes that join later, and disconnected nodes when they are connected again', async () => {
    const { nodes, cluster } = await startAuthNodes(2)
    const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
    const token = await makeToken()
    const peer = await connect(b.url, token)
    cluster.cut(b.app.cluster.node)
    expect(await a.auth.revoke({ user: 'ada' })).toEqual({ sessions: 0, missing: [] })
    const late = await startAuth({}, { plugins: [cluster.plugin()] })
    expect(await refusal(late.url, bearer(token))).toBe('token_revoked')
    await connect(b.url, token)
    cluster.heal(b.app.cluster.node)
    expect(await peer.untilClosed()).toEqual(revokedClose)
    await vi.waitFor(async () => expect(await refusal(b.url, bearer(token))).toBe('token_revoked'))
  })
})

describe('the log', () => {
  it('has ids and hashes, and never a token', async () => {
    const { url, auth, lines } = await startAuth({ query: 'token' })
    const tokens = [
      await makeToken({ jti: 'a' }),
      await makeToken({ exp: now() - 1 }),
      await makeToken({ sub: 'bob' }),
      await makeToken({}, { key: Buffer.alloc(40) }),
      await makeToken({ exp: undefined }),
    ] as const
    const peer = await connect(url, tokens[0])
    for (const token of tokens) {
      await peer.ask({ type: 'auth', token })
      await fetch(`${url}/api/v1/sse?token=${token}`).then((response) => response.body?.cancel())
    }
    await auth.revoke({ user: 'ada' })
    await peer.untilClosed()
    const text = lines
      .map((line) =>
        JSON.stringify(line, (_key, value) => (value instanceof Error ? [value.stack, { ...value }] : value)),
      )
      .join('\n')
    for (const token of tokens) for (const part of token.split('.').slice(1)) expect(text).not.toContain(part)
    const session = String(peer.frames[0]?.session)
    expect(text).toContain(session.slice(0, 21))
    expect(text).not.toContain(session)
    expect(lines).toContainEqual(
      expect.objectContaining({ user: 'ada', token: expect.stringMatching(/^[\w-]{43}$/) }),
    )
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'a new token was refused', code: 'forbidden' }),
    )
  })
})
