import { createPublicKey, KeyObject } from 'node:crypto'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  type KeyInput,
} from 'jose'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import type { JwtOptions } from './options.ts'

/** What tokens are verified with. */
export interface VerificationKey {
  readonly key: KeyInput | JWTVerifyGetKey
  readonly algorithms: readonly string[]
}

/** Bytes that a secret has at least, by algorithm: as many as the hash has (RFC 7518, section 3.2). */
const SECRET_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }
const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const EC: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }
const EDWARDS = ['EdDSA', 'Ed25519']
const ASYMMETRIC = [...RSA, ...Object.values(EC), ...EDWARDS]

/** Milliseconds that a server of keys has to answer; a handshake has twice as many. */
const JWKS_TIMEOUT = 5000
/** Milliseconds for which a server of keys that has failed is not asked again. */
const JWKS_PAUSE = 1000

const fail = (message: string, cause?: unknown): never => {
  throw new RookeryError('invalid_option', `auth(): ${message}`, { cause })
}

/** @throws `invalid_option` */
export const readKey = (jwt: JwtOptions, log: () => Logger): VerificationKey => {
  const { secret, publicKey, jwks, algorithms } = jwt
  if ([secret, publicKey, jwks].filter((one) => one !== undefined).length !== 1) {
    const unset = ['secret', 'publicKey', 'jwks'].find(
      (name) => name in jwt && !jwt[name as keyof JwtOptions],
    )
    const why = unset ? `; '${unset}' is not set: is there an environment variable missing?` : ''
    fail(`'jwt' needs exactly one of 'secret', 'publicKey' and 'jwks'${why}`)
  }
  if (secret !== undefined) return readSecret(secret, algorithms)
  if (publicKey !== undefined) return readPublicKey(publicKey, algorithms)
  const key = isKeySet(jwks) ? readKeySet(jwks) : readRemote(jwks as string | URL, jwt, log)
  return { key, algorithms: among(ASYMMETRIC, algorithms, ASYMMETRIC) }
}

/** Only what the key is made for: a token must not choose how it is verified. */
const among = (fit: readonly string[], asked: readonly string[] | undefined, usual: readonly string[]) => {
  const wrong = asked?.find((algorithm) => !fit.includes(algorithm))
  if (wrong !== undefined) {
    fail(`'jwt.algorithms' has '${wrong}', which does not go with the key; ${fit.join(', ')} do`)
  }
  if (asked?.length === 0) fail("'jwt.algorithms' must not be empty")
  return asked ?? usual
}

const readSecret = (secret: unknown, asked: readonly string[] | undefined): VerificationKey => {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    return fail("'jwt.secret' must be a string or a Uint8Array")
  }
  const key = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret
  // Whoever has the public key could make tokens with it.
  if (new TextDecoder().decode(key).includes('-----BEGIN')) fail("'jwt.secret' is a PEM: use 'jwt.publicKey'")
  const algorithms = among(Object.keys(SECRET_BYTES), asked, ['HS256'])
  const least = Math.max(...algorithms.map((algorithm) => SECRET_BYTES[algorithm] as number))
  if (key.length < least) {
    const advice = `make one with: openssl rand -base64 ${Math.ceil((least * 3) / 2)}`
    fail(`'jwt.secret' has ${key.length} bytes and needs ${least} or more; ${advice}`)
  }
  return { key, algorithms }
}

const readPublicKey = (given: unknown, asked: readonly string[] | undefined): VerificationKey => {
  if (typeof given === 'string' && given.includes('PRIVATE KEY')) {
    fail("'jwt.publicKey' is a private key: give the public one, and keep this one where tokens are made")
  }
  const key = toKeyObject(given)
  if (key.type !== 'public') fail(`'jwt.publicKey' must be a public key, not a ${key.type} one`)
  const fit = algorithmsOf(key)
  if (fit.length === 0) fail(`no tokens are signed with a key of type ${key.asymmetricKeyType}`)
  return { key, algorithms: among(fit, asked, fit) }
}

const toKeyObject = (given: unknown): KeyObject => {
  try {
    if (given instanceof KeyObject) return given
    if (typeof given === 'string') return createPublicKey(given)
    return KeyObject.from(given as Parameters<typeof KeyObject.from>[0])
  } catch (cause) {
    return fail("'jwt.publicKey' must be a public key: a PEM, a KeyObject or a CryptoKey", cause)
  }
}

const algorithmsOf = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] => {
  switch (asymmetricKeyType) {
    case 'rsa':
      return RSA
    case 'ec':
      return [EC[asymmetricKeyDetails?.namedCurve ?? '']].filter((name) => name !== undefined)
    case 'ed25519':
      return EDWARDS
    default:
      return []
  }
}

const isKeySet = (jwks: unknown): jwks is JSONWebKeySet =>
  typeof jwks === 'object' && jwks !== null && !(jwks instanceof URL)

const readKeySet = (jwks: JSONWebKeySet): JWTVerifyGetKey => {
  try {
    for (const { kty, d } of jwks.keys) {
      if (kty === 'oct' || d !== undefined) fail("'jwt.jwks' must hold public keys only")
    }
    return createLocalJWKSet(jwks)
  } catch (cause) {
    if (cause instanceof RookeryError) throw cause
    return fail("'jwt.jwks' must be a JSON Web Key Set, { keys: [...] }, or where to get one", cause)
  }
}

/** Keys that are fetched, and fetched again when they are ten minutes old or a token names one that is not among them. */
const readRemote = (jwks: string | URL, { audience }: JwtOptions, log: () => Logger): JWTVerifyGetKey => {
  const url = URL.canParse(jwks) ? new URL(jwks) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) return fail("'jwt.jwks' must be an http(s) URL, or a key set")
  const remote = createRemoteJWKSet(url, { timeoutDuration: JWKS_TIMEOUT })
  let failedAt = Number.NEGATIVE_INFINITY
  let warned = false
  return async (header, token) => {
    if (!warned) {
      warned = true
      if (audience === undefined) {
        log().warn({ jwks: url.href }, 'tokens for other apps are let in too: set jwt.audience of auth()')
      }
    }
    if (!remote.fresh && performance.now() - failedAt < JWKS_PAUSE) throw new RookeryError('auth_unavailable')
    try {
      return await remote(header, token)
    } catch (error) {
      if (isAboutToken(error)) throw error
      failedAt = performance.now()
      log().warn({ err: error, jwks: url.href }, 'the keys of tokens cannot be fetched')
      throw new RookeryError('auth_unavailable')
    }
  }
}

/** Whether no key fits a token, and not the fetching went wrong. */
const isAboutToken = (error: unknown): boolean =>
  [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported].some(
    (kind) => error instanceof kind,
  )
