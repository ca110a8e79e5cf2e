import { createPublicKey, KeyObject } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey, type KeyInput } from 'jose'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import type { JwtOptions } from './jwt-options.ts'
import { remoteKeySet } from './remote-key-set.ts'

/** A key, or a function that finds the key of a token, with the signature algorithms that it accepts. */
export interface VerificationKey {
  readonly key: KeyInput | JWTVerifyGetKey
  readonly algorithms: readonly string[]
}

/** Minimum length of a secret by algorithm, in bytes: the length of the hash (RFC 7518, section 3.2). */
const MIN_SECRET_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const ALGORITHM_OF_CURVE: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}
const EDDSA_ALGORITHMS = ['EdDSA', 'Ed25519']
const ASYMMETRIC_ALGORITHMS = [...RSA_ALGORITHMS, ...Object.values(ALGORITHM_OF_CURVE), ...EDDSA_ALGORITHMS]

const fail = (message: string, cause?: unknown): never => {
  throw new RookeryError('invalid_option', `auth(): ${message}`, { cause })
}

/** Reads the key from the options. @throws `invalid_option` */
export const readKey = (jwt: JwtOptions, log: () => Logger): VerificationKey => {
  const { secret, publicKey, jwks, algorithms } = jwt
  if ([secret, publicKey, jwks].filter((key) => key !== undefined).length !== 1) {
    const unset = ['secret', 'publicKey', 'jwks'].find(
      (name) => name in jwt && !jwt[name as keyof JwtOptions],
    )
    const hint = unset ? `; '${unset}' is not set: is an environment variable missing?` : ''
    fail(`'jwt' needs exactly one of 'secret', 'publicKey' and 'jwks'${hint}`)
  }
  if (secret !== undefined) return readSecret(secret, algorithms)
  if (publicKey !== undefined) return readPublicKey(publicKey, algorithms)
  const key = isKeySet(jwks) ? readKeySet(jwks) : remoteKeySet(readUrl(jwks), log)
  return { key, algorithms: chooseAlgorithms(ASYMMETRIC_ALGORITHMS, algorithms, ASYMMETRIC_ALGORITHMS) }
}

/** Accepts only algorithms that fit the key. Otherwise a token could choose how it is verified. */
const chooseAlgorithms = (
  fitting: readonly string[],
  requested: readonly string[] | undefined,
  defaults: readonly string[],
) => {
  const unfit = requested?.find((algorithm) => !fitting.includes(algorithm))
  if (unfit !== undefined) {
    fail(`'jwt.algorithms' has '${unfit}', which does not fit the key; use ${fitting.join(', ')}`)
  }
  if (requested?.length === 0) fail("'jwt.algorithms' must not be empty")
  return requested ?? defaults
}

const readSecret = (secret: unknown, requested: readonly string[] | undefined): VerificationKey => {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    return fail("'jwt.secret' must be a string or a Uint8Array")
  }
  const key = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret
  // A public key is no secret: anyone who knows it could sign tokens with it.
  if (new TextDecoder().decode(key).includes('-----BEGIN')) fail("'jwt.secret' is a PEM: use 'jwt.publicKey'")
  const algorithms = chooseAlgorithms(Object.keys(MIN_SECRET_BYTES), requested, ['HS256'])
  const minimum = Math.max(...algorithms.map((algorithm) => MIN_SECRET_BYTES[algorithm] as number))
  if (key.length < minimum) {
    const advice = `create one with: openssl rand -base64 ${Math.ceil((minimum * 3) / 2)}`
    fail(`'jwt.secret' has ${key.length} bytes and needs at least ${minimum}; ${advice}`)
  }
  return { key, algorithms }
}

const readPublicKey = (given: unknown, requested: readonly string[] | undefined): VerificationKey => {
  if (typeof given === 'string' && given.includes('PRIVATE KEY')) {
    fail("'jwt.publicKey' is a private key: use the public key, and leave the private key with the issuer")
  }
  const key = toKeyObject(given)
  if (key.type !== 'public') fail(`'jwt.publicKey' must be a public key, not a ${key.type} key`)
  const fitting = algorithmsOf(key)
  if (fitting.length === 0) fail(`a key of type ${key.asymmetricKeyType} cannot sign tokens`)
  return { key, algorithms: chooseAlgorithms(fitting, requested, fitting) }
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
      return RSA_ALGORITHMS
    case 'ec':
      return [ALGORITHM_OF_CURVE[asymmetricKeyDetails?.namedCurve ?? '']].filter((name) => name !== undefined)
    case 'ed25519':
      return EDDSA_ALGORITHMS
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
    return fail("'jwt.jwks' must be a JSON Web Key Set, { keys: [...] }, or its URL", cause)
  }
}

const readUrl = (jwks: unknown): URL => {
  const url = URL.canParse(String(jwks)) ? new URL(String(jwks)) : undefined
  return url && /^https?:$/.test(url.protocol) ? url : fail("'jwt.jwks' must be an http(s) URL or a key set")
}
