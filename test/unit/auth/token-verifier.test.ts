import { type AuthOptions, auth } from 'rookery/auth'
import { describe, expect, it } from 'vitest'
import { ec, makeToken, now, rsa, SECRET, type TokenOptions, unsigned } from './support.ts'
import { verifierOf } from './verifier-support.ts'

const keys = rsa()
const pem = String(keys.publicKey.export({ type: 'spki', format: 'pem' }))

describe('the user of a token', () => {
  it('has the id of sub, and the name of name, preferred_username or sub', async () => {
    const { tokens } = verifierOf({ secret: SECRET })
    const user = async (claims: object) => (await tokens.verify(await makeToken({ ...claims }))).user
    expect(await user({})).toEqual({ id: 'ada', name: 'ada' })
    expect(await user({ preferred_username: 'a' })).toEqual({ id: 'ada', name: 'a' })
    expect(await user({ preferred_username: 'a', name: 'Ada' })).toEqual({ id: 'ada', name: 'Ada' })
    expect(await user({ name: 7 })).toEqual({ id: 'ada', name: 'ada' })
  })

  it('is the result of the user option', async () => {
    const user: AuthOptions['user'] = async ({ mail }) => ({ id: String(mail), name: 'x', role: 'y' })
    const { tokens } = verifierOf({ secret: SECRET }, { user })
    const verified = await tokens.verify(await makeToken({ sub: undefined, mail: 'a@b' }))
    expect(verified.user).toEqual({ id: 'a@b', name: 'x', role: 'y' })
  })

  it('causes invalid_option, not invalid_token, if the user option returns no user', async () => {
    const { tokens } = verifierOf({ secret: SECRET }, { user: () => ({}) as never })
    await expect(tokens.verify(await makeToken())).rejects.toMatchObject({ code: 'invalid_option' })
  })
})

describe('a token', () => {
  const { codeOf, lines } = verifierOf({
    secret: SECRET,
    audience: 'chat',
    issuer: ['https://a', 'https://b'],
  })
  const make = (claims: object = {}, options?: TokenOptions) =>
    makeToken({ aud: ['x', 'chat'], iss: 'https://b', ...claims }, options)

  it.each<[string, () => string | Promise<string>, string]>([
    ['that is valid', () => make(), 'ok'],
    ['without iat', () => make({ iat: undefined }), 'ok'],
    ['that is not signed', () => unsigned({}), 'invalid_token'],
    ['that is not signed, with the algorithm in capitals', () => unsigned({}, 'NONE'), 'invalid_token'],
    ['without its signature', async () => (await make()).replace(/[^.]+$/, ''), 'invalid_token'],
    ['signed with another key', () => make({}, { key: Buffer.alloc(40, 'x') }), 'invalid_token'],
    [
      'signed with another algorithm',
      () => make({}, { alg: 'HS512', key: Buffer.alloc(64, SECRET) }),
      'invalid_token',
    ],
    ['that has expired', () => make({ exp: now() - 1 }), 'token_expired'],
    [
      'signed with another key that has expired',
      () => make({ exp: now() - 1 }, { key: Buffer.alloc(40) }),
      'invalid_token',
    ],
    ['for another audience that has expired', () => make({ exp: now() - 1, aud: 'shop' }), 'invalid_token'],
    ['that is not valid yet', () => make({ nbf: now() + 60 }), 'invalid_token'],
    ['issued in the future', () => make({ iat: now() + 60 }), 'invalid_token'],
    ['for another audience', () => make({ aud: 'shop' }), 'invalid_token'],
    ['without an audience', () => make({ aud: undefined }), 'invalid_token'],
    ['of another issuer', () => make({ iss: 'https://evil' }), 'invalid_token'],
    ['without exp', () => make({ exp: undefined }), 'invalid_token'],
    ['with an exp that is not a number', () => make({ exp: 'soon' }), 'invalid_token'],
    ['that is valid for too long', () => make({ exp: now() + 90_000 }), 'invalid_token'],
    [
      'without iat that is valid for too long',
      () => make({ iat: undefined, exp: now() + 90_000 }),
      'invalid_token',
    ],
    ['near the end of too long a validity', () => make({ iat: now() - 90_000 }), 'invalid_token'],
    ['without sub', () => make({ sub: undefined }), 'invalid_token'],
    ['with an empty sub', () => make({ sub: '' }), 'invalid_token'],
    ['with half a character as sub', () => make({ sub: 'a\uD83D' }), 'invalid_token'],
    ['with an invalid permissions claim', () => make({ rookery: { send: 'all' } }), 'invalid_token'],
    ['that is garbage', () => 'garbage', 'invalid_token'],
    ['that is empty', () => '', 'invalid_token'],
    ['that consists of dots', () => '..', 'invalid_token'],
    ['that is JSON', () => '{"alg":"none"}', 'invalid_token'],
    ['larger than 8 KiB', () => make({ x: 'x'.repeat(8192) }), 'invalid_token'],
  ])('%s: %#', async (_name, token, expected) => expect(await codeOf(await token())).toBe(expected))

  it('that is not valid gets the same answer for every reason, and the log has the reason and no token', async () => {
    const { tokens, lines } = verifierOf({ secret: SECRET, audience: 'chat' })
    const wrong = [unsigned({}), await make({ aud: 'shop' }), await make({ nbf: now() + 60 }), 'garbage']
    const said = await Promise.all(wrong.map((token) => tokens.verify(token).catch((error) => error)))
    expect(new Set(said.map((error) => JSON.stringify(error)))).toEqual(
      new Set(['{"code":"invalid_token","message":"The token is not valid"}']),
    )
    expect(said.map(({ cause }) => cause)).toEqual([undefined, undefined, undefined, undefined])
    const reasons = lines.filter(({ msg }) => msg === 'a token was refused')
    expect(reasons).toHaveLength(4)
    expect(reasons).toContainEqual({
      level: 'debug',
      msg: 'a token was refused',
      reason: 'ERR_JWT_CLAIM_VALIDATION_FAILED aud',
    })
  })

  it('without exp, or valid for too long, is reported once as a warning', () => {
    expect(lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg)).toEqual([
      expect.stringContaining('without exp'),
      expect.stringContaining('longer than maxTokenAge'),
    ])
  })

  it('may be too early or too late by clockTolerance', async () => {
    const { codeOf } = verifierOf({ secret: SECRET, clockTolerance: '30s' })
    expect(await codeOf(await makeToken({ exp: now() - 10 }))).toBe('ok')
    expect(await codeOf(await makeToken({ exp: now() - 40 }))).toBe('token_expired')
    expect(await codeOf(await makeToken({ nbf: now() + 20, iat: now() + 20 }))).toBe('ok')
    expect(await codeOf(await makeToken({ nbf: now() + 40 }))).toBe('invalid_token')
  })
})

describe('a public key', () => {
  it('verifies the tokens of its private key, as a PEM, a KeyObject or a CryptoKey', async () => {
    const crypt = await crypto.subtle.importKey(
      'spki',
      keys.publicKey.export({ type: 'spki', format: 'der' }),
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
      false,
      ['verify'],
    )
    for (const publicKey of [pem, keys.publicKey, crypt]) {
      const { codeOf } = verifierOf({ publicKey })
      expect(await codeOf(await makeToken({}, { key: keys.privateKey, alg: 'RS256' }))).toBe('ok')
      expect(await codeOf(await makeToken({}, { key: rsa().privateKey, alg: 'RS256' }))).toBe('invalid_token')
      expect(await codeOf(await makeToken({}, { key: ec().privateKey, alg: 'ES256' }))).toBe('invalid_token')
    }
    const curve = ec()
    const { codeOf } = verifierOf({ publicKey: curve.publicKey })
    expect(await codeOf(await makeToken({}, { key: curve.privateKey, alg: 'ES256' }))).toBe('ok')
  })

  it('is never used as a secret', async () => {
    for (const algorithms of [undefined, ['RS256', 'PS256']]) {
      const { codeOf } = verifierOf({ publicKey: pem, algorithms })
      for (const key of [pem, pem.trim(), pem.replaceAll('\n', '')]) {
        expect(await codeOf(await makeToken({}, { key: Buffer.from(key) }))).toBe('invalid_token')
      }
    }
  })
})

describe('auth()', () => {
  it.each<[string, unknown, RegExp]>([
    ['no options', {}, /exactly one of 'jwt' and 'authenticate'/],
    [
      'both jwt and authenticate',
      { jwt: { secret: SECRET }, authenticate: () => null },
      /exactly one of 'jwt' and/,
    ],
    ['no key', { jwt: {} }, /exactly one of 'secret'/],
    ['two keys', { jwt: { secret: SECRET, publicKey: pem } }, /exactly one of 'secret'/],
    ['a short secret', { jwt: { secret: 'x'.repeat(31) } }, /has 31 bytes and needs at least 32.*openssl/],
    [
      'a secret too short for its algorithm',
      { jwt: { secret: SECRET, algorithms: ['HS512'] } },
      /needs at least 64/,
    ],
    ['a short secret of bytes', { jwt: { secret: new Uint8Array(8) } }, /has 8 bytes/],
    ['a public key as a secret', { jwt: { secret: pem } }, /use 'jwt.publicKey'/],
    ['a secret that is undefined', { jwt: { secret: undefined } }, /'secret' is not set: is an env/],
    ['the algorithm none', { jwt: { secret: SECRET, algorithms: ['none'] } }, /'none', which does not fit/],
    [
      'HS256 with a public key',
      { jwt: { publicKey: pem, algorithms: ['HS256'] } },
      /'HS256', which does not/,
    ],
    [
      'HS256 with a key set',
      { jwt: { jwks: { keys: [] }, algorithms: ['HS256'] } },
      /'HS256', which does not/,
    ],
    ['ES256 with an RSA key', { jwt: { publicKey: pem, algorithms: ['ES256'] } }, /'ES256', which does not/],
    ['an empty list of algorithms', { jwt: { secret: SECRET, algorithms: [] } }, /must not be empty/],
    ['a private key', { jwt: { publicKey: keys.privateKey } }, /not a private key/],
    ['a private PEM', { jwt: { publicKey: '-----BEGIN PRIVATE KEY-----' } }, /is a private key/],
    ['garbage as a key', { jwt: { publicKey: 'x' } }, /must be a public key/],
    ['a secret in a key set', { jwt: { jwks: { keys: [{ kty: 'oct', k: 'x' }] } } }, /public keys only/],
    ['garbage as a key set', { jwt: { jwks: {} } }, /must be a JSON Web Key Set/],
    ['a URL that is not http(s)', { jwt: { jwks: 'file:///etc/keys' } }, /http\(s\) URL/],
    ['an unknown option', { jwt: { secret: SECRET, issuers: 'x' } }, /no option 'issuers'/],
    ['an option of jwt with authenticate', { authenticate: () => null, cookie: 'x' }, /'cookie' needs 'jwt'/],
    ['an invalid cookie name', { jwt: { secret: SECRET }, cookie: 'a b' }, /name of a cookie/],
  ])('refuses %s', (_name, options, message) => {
    expect(() => auth(options as AuthOptions)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(message) }),
    )
  })

  it('does not show the secret in its error', () => {
    expect(() => auth({ jwt: { secret: 'short and secret' } })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('short and secret') }),
    )
  })
})
