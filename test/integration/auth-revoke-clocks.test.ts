import { MemoryCluster } from 'rookery/testing'
import { describe, expect, it, vi } from 'vitest'
import {
  type AuthApp,
  bearer,
  connect,
  makeToken,
  now,
  refusal,
  SECRET,
  startAuth,
  startAuthNodes,
} from './auth-support.ts'

const revoked = { code: 4401, reason: 'token_revoked' }

describe('revoke of a user', () => {
  it.each([
    ['in this second, with a fraction', () => Date.now() / 1000],
    ['4 s ahead, because the clock of the issuer is ahead', () => now() + 4],
    ['4.5 s ahead', () => now() + 4.5],
  ])('closes a session whose token was issued %s, and refuses the token', async (_name, issuedAt) => {
    const { url, auth } = await startAuth()
    const token = await makeToken({ iat: issuedAt() })
    const peer = await connect(url, token)
    expect(await auth.revoke({ user: 'ada' })).toEqual({ sessions: 1, missing: [] })
    expect(await peer.untilClosed()).toEqual(revoked)
    expect(await refusal(url, bearer(token))).toBe('token_revoked')
    await expect(auth.verify(token)).rejects.toMatchObject({ code: 'token_revoked' })
  })

  it('refuses a token with a later iat that has no session, if the server has seen it', async () => {
    const { url, auth } = await startAuth({ jwt: { secret: SECRET, clockTolerance: '2m' } })
    const token = await makeToken({ iat: now() + 100 })
    await auth.verify(token)
    await auth.revoke({ user: 'ada' })
    expect(await refusal(url, bearer(token))).toBe('token_revoked')
    await connect(url, await makeToken({ iat: now() + 110 }))
  })

  it('counts whole seconds: a token issued later in the same second is refused, one of the next is not', async () => {
    const { url, auth } = await startAuth()
    const second = now()
    await auth.revoke({ user: 'ada' })
    expect(await refusal(url, bearer(await makeToken({ iat: second + 0.999 })))).toBe('token_revoked')
    await connect(url, await makeToken({ iat: now() + 1 }))
  })

  it('does so on every node, also for a token with a later iat that only one node has seen', async () => {
    const { nodes } = await startAuthNodes(3)
    const [a, b, c] = nodes as [AuthApp, AuthApp, AuthApp]
    const token = await makeToken({ iat: now() + 4 })
    const peer = await connect(b.url, token)
    expect(await a.auth.revoke({ user: 'ada' })).toEqual({ sessions: 1, missing: [] })
    expect(await peer.untilClosed()).toEqual(revoked)
    for (const { url } of [a, b, c]) expect(await refusal(url, bearer(token))).toBe('token_revoked')
  })
})

describe('revoke of a session', () => {
  it('whose node does not answer is remembered by all nodes, and the node closes it when it is back', async () => {
    const cluster = new MemoryCluster()
    const start = (options = {}) => startAuth(options, { plugins: [cluster.plugin()] })
    const [a, b] = [await start(), await start()]
    const token = await makeToken()
    const [peer, twin] = [await connect(b.url, token), await connect(b.url, token)]
    const session = String(peer.frames[0]?.session)
    const { node } = b.app.cluster
    cluster.cut(node)
    expect(await a.auth.revoke({ session })).toEqual({ sessions: 0, missing: [node] })
    const late = await start()
    await a.app.stop()
    cluster.heal(node)
    expect(await peer.untilClosed()).toEqual(revoked)
    expect(await twin.untilClosed()).toEqual(revoked)
    await vi.waitFor(async () => expect(await refusal(late.url, bearer(token))).toBe('token_revoked'))
    const text = JSON.stringify([a.lines, b.lines, late.lines], (_key, value) =>
      value instanceof Error ? [value.stack, { ...value }] : value,
    )
    expect(text).not.toContain(session)
  })

  it('without a token closes it, too, when its node is back', async () => {
    const cluster = new MemoryCluster()
    const authenticate = () => ({ id: 'ada', name: 'Ada' })
    const start = () => startAuth({ authenticate }, { plugins: [cluster.plugin()] })
    const [a, b] = [await start(), await start()]
    const peer = await connect(b.url, '')
    cluster.cut(b.app.cluster.node)
    await a.auth.revoke({ session: String(peer.frames[0]?.session) })
    cluster.heal(b.app.cluster.node)
    expect(await peer.untilClosed()).toEqual(revoked)
  })
})
