import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK } from 'jose'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ec, makeToken, now, rsa } from './support.ts'
import { verifierOf } from './verifier-support.ts'

const key = async (kid: string | undefined, pair = ec(), alg = 'ES256') => ({
  jwk: { ...(await exportJWK(pair.publicKey)), ...(kid !== undefined && { kid }) },
  make: (claims: object = {}, name: string | undefined = kid) =>
    makeToken({ ...claims }, { key: pair.privateKey, alg, ...(name !== undefined && { kid: name }) }),
})

interface KeyServer {
  readonly url: string
  readonly server: Server
  keys: object[]
  status: number
  asked: number
}

const serveKeys = async (keys: object[]): Promise<KeyServer> => {
  const server = createServer((_request, response) => {
    served.asked++
    response.writeHead(served.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ keys: served.keys }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.closeAllConnections())
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const served: KeyServer = { url: `http://127.0.0.1:${port}/keys`, server, keys, status: 200, asked: 0 }
  return served
}

describe('a key set', () => {
  it('verifies tokens signed with any of its keys', async () => {
    const one = await key('1', rsa(), 'RS256')
    const two = await key('2')
    const { codeOf } = verifierOf({ jwks: { keys: [one.jwk, two.jwk] } })
    expect(await codeOf(await one.make())).toBe('ok')
    expect(await codeOf(await two.make())).toBe('ok')
    expect(await codeOf(await one.make({}, '2'))).toBe('invalid_token')
    expect(await codeOf(await one.make({}, '3'))).toBe('invalid_token')
  })

  it('verifies a token that does not name its key', async () => {
    const keys = [await key(undefined), await key(undefined), await key(undefined)]
    const { codeOf } = verifierOf({ jwks: { keys: keys.slice(0, 2).map(({ jwk }) => jwk) } })
    expect(await codeOf((await keys[1]?.make()) ?? '')).toBe('ok')
    expect(await codeOf((await keys[2]?.make()) ?? '')).toBe('invalid_token')
    expect(await codeOf((await keys[1]?.make({ exp: 1, iat: 0 })) ?? '')).toBe('token_expired')
  })
})

describe('a key server', () => {
  it('is asked once for many tokens, and a warning asks for an audience', async () => {
    const one = await key('1')
    const served = await serveKeys([one.jwk])
    const { codeOf, lines } = verifierOf({ jwks: served.url })
    const tokens = await Promise.all([one.make(), one.make(), one.make({}, '2')])
    expect(await Promise.all(tokens.map(codeOf))).toEqual(['ok', 'ok', 'invalid_token'])
    expect(served.asked).toBe(1)
    expect(lines.map(({ msg }) => msg)).toContainEqual(expect.stringContaining('set jwt.audience'))
  })

  it('that answers with an error causes auth_unavailable, and is not asked again for every token', async () => {
    const one = await key('1')
    const served = await serveKeys([one.jwk])
    served.status = 500
    const { codeOf, tokens } = verifierOf({ jwks: new URL(served.url), audience: 'x' })
    const token = await one.make({ aud: 'x' })
    expect(await codeOf(token)).toBe('auth_unavailable')
    await expect(tokens.verify(token)).rejects.toMatchObject({ status: 503, retryable: true })
    expect(served.asked).toBe(1)
    served.status = 200
    await expect.poll(() => codeOf(token), { timeout: 5000 }).toBe('ok')
  })

  it('that does not run causes auth_unavailable', async () => {
    const served = await serveKeys([])
    await new Promise((resolve) => served.server.close(resolve))
    const { codeOf, lines } = verifierOf({ jwks: served.url, audience: 'x' })
    expect(await codeOf(await (await key('1')).make())).toBe('auth_unavailable')
    expect(lines).toMatchObject([{ level: 'warn', msg: 'the key set cannot be fetched' }])
  })

  it('has a new key for which a client may try again, if the keys were fetched less than 30 s ago', async () => {
    const [one, two] = [await key('1'), await key('2')]
    const served = await serveKeys([one.jwk])
    const { codeOf, tokens } = verifierOf({ jwks: served.url, audience: 'x' })
    expect(await codeOf(await one.make({ aud: 'x' }))).toBe('ok')
    served.keys = [one.jwk, two.jwk]
    const token = await two.make({ aud: 'x' })
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'auth_unavailable', retryable: true })
    expect(await codeOf(await one.make({ aud: 'x' }))).toBe('ok')
    expect(served.asked).toBe(1)
    // Only the clock of the key set goes on, not the timers.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 })
    onTestFinished(() => void vi.useRealTimers())
    expect(await codeOf(token)).toBe('ok')
    expect(await codeOf(await key('3').then(({ make }) => make({ aud: 'x' })))).toBe('auth_unavailable')
    vi.setSystemTime(Date.now() + 31_000)
    expect(await codeOf(await key('3').then(({ make }) => make({ aud: 'x' })))).toBe('invalid_token')
  })

  it('that cannot be reached for hours leaves its last keys in use, and is used again when it is back', async () => {
    const [one, two] = [await key('1'), await key('2')]
    const served = await serveKeys([one.jwk])
    const { codeOf, lines } = verifierOf({ jwks: served.url, audience: 'x' }, { maxTokenAge: '2d' })
    const claims = { aud: 'x', exp: now() + 100_000 }
    const [token, newer] = [await one.make(claims), await two.make(claims)]
    expect(await codeOf(token)).toBe('ok')
    served.status = 500
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() + 11 * 60_000 })
    onTestFinished(() => void vi.useRealTimers())
    expect(await Promise.all([token, token, newer].map(codeOf))).toEqual(['ok', 'ok', 'auth_unavailable'])
    expect(lines).toMatchObject([{ level: 'warn', msg: 'the key set cannot be fetched' }])
    vi.advanceTimersByTime(10 * 3_600_000)
    expect(await codeOf(token)).toBe('ok')
    expect(await codeOf(newer)).toBe('auth_unavailable')
    served.status = 200
    served.keys = [two.jwk]
    vi.advanceTimersByTime(2000)
    await expect.poll(() => codeOf(newer), { timeout: 20_000 }).toBe('ok')
    // The server has withdrawn the earlier key.
    expect(await codeOf(token)).toBe('auth_unavailable')
    vi.advanceTimersByTime(31_000)
    expect(await codeOf(token)).toBe('invalid_token')
  })

  it('that cannot be reached for more than a day has no keys in use any more', async () => {
    const one = await key('1')
    const served = await serveKeys([one.jwk])
    const { codeOf } = verifierOf({ jwks: served.url, audience: 'x' }, { maxTokenAge: '9d' })
    const token = await one.make({ aud: 'x', exp: now() + 300_000 })
    expect(await codeOf(token)).toBe('ok')
    served.status = 500
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() + 3_600_000 })
    onTestFinished(() => void vi.useRealTimers())
    expect(await codeOf(token)).toBe('ok')
    vi.advanceTimersByTime(25 * 3_600_000)
    expect(await codeOf(token)).toBe('auth_unavailable')
  })

  it('that publishes private keys is not used', async () => {
    const pair = rsa()
    const served = await serveKeys([{ ...(await exportJWK(pair.privateKey)), kid: '1' }])
    const { codeOf } = verifierOf({ jwks: served.url, audience: 'x' })
    const token = await makeToken({ aud: 'x' }, { key: pair.privateKey, alg: 'RS256', kid: '1' })
    expect(await codeOf(token)).toBe('auth_unavailable')
  })
})
