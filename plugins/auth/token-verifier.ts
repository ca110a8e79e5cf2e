import { createHash } from 'node:crypto'
import { errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify, type KeyInput } from 'jose'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { User } from '../../core/protocol/protocol.ts'
import type { Logger } from '../../core/util/logger.ts'
import type { JwtSettings } from './options.ts'
import { type Permissions, readPermissions } from './permissions.ts'
import type { Claims } from './tokens.ts'
import { readKey } from './verification-key.ts'

/** Longest token, in characters. */
const MAX_TOKEN = 8192
/** Seconds that the clock of whoever issues tokens may be ahead, even if no tolerance was asked for. */
const MIN_AHEAD = 5

/** Somebody who is in, or may come in, and by what right. */
export interface Login {
  readonly user: User
  readonly claims: Claims | undefined
  readonly permissions: Permissions | undefined
  /** What it can be revoked by. */
  readonly keys: readonly string[]
  /** Seconds since 1970; 0 when nobody knows. */
  readonly issuedAt: number
  /** Milliseconds since 1970; undefined: never. */
  readonly expiresAt: number | undefined
  readonly tokenId: string | undefined
}

/** What stands for an id in memory, in the store and in the log. */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

export const userKey = (id: string): string => `user-${hashOf(id)}`
export const tokenKey = (id: string): string => `token-${hashOf(id)}`

/** The login of a user who came without a token. */
export const loginOf = (user: User): Login => ({
  user: ownUser(user),
  claims: undefined,
  permissions: undefined,
  keys: [userKey(user.id)],
  issuedAt: 0,
  expiresAt: undefined,
  tokenId: undefined,
})

/**
 * A user that no other login shares: sessions are told apart by it.
 *
 * @throws `invalid_option`
 */
const ownUser = (user: User): User => {
  if (typeof user?.id === 'string' && user.id !== '' && typeof user.name === 'string') return { ...user }
  throw new RookeryError('invalid_option', 'auth(): a user needs an id and a name that are strings')
}

/**
 * What stands for a token without an id: a hash of what is signed. The signature is left out, because the same one can
 * be written in several ways.
 */
const idOf = (token: string): string => `sha256:${hashOf(token.slice(0, token.lastIndexOf('.')))}`

/** Why a token is refused, for the log alone: whoever shows a wrong one gets no hint. */
class Refusal extends Error {}

/** Verifies tokens. */
export class Verifier {
  readonly #settings: JwtSettings
  readonly #log: () => Logger
  readonly #key: KeyInput | JWTVerifyGetKey
  readonly #options: JWTVerifyOptions
  readonly #warned = new Set<string>()

  /** @throws `invalid_option` */
  constructor(settings: JwtSettings, log: () => Logger) {
    const { issuer, audience } = settings.jwt
    const { key, algorithms } = readKey(settings.jwt, log)
    this.#settings = settings
    this.#log = log
    this.#key = key
    this.#options = {
      algorithms: [...algorithms],
      ...(issuer !== undefined && { issuer: copy(issuer) }),
      ...(audience !== undefined && { audience: copy(audience) }),
      clockTolerance: settings.clockTolerance / 1000,
    }
  }

  /** @throws `invalid_token`, `token_expired`, `auth_unavailable`, and what the app's `user` throws */
  async verify(token: unknown): Promise<Login> {
    try {
      if (typeof token !== 'string') throw new Refusal('it is no string')
      if (token.length > MAX_TOKEN) throw new Refusal('it is too long')
      const claims = await this.#claims(token)
      const { issuedAt, expiresAt } = this.#life(claims)
      const permissions = this.#permissions(claims)
      const user = ownUser(await this.#user(claims))
      const tokenId = typeof claims.jti === 'string' && claims.jti !== '' ? claims.jti : idOf(token)
      const keys = [userKey(user.id), tokenKey(tokenId)]
      return { user, claims, permissions, keys, issuedAt, expiresAt, tokenId }
    } catch (error) {
      throw this.#coded(error)
    }
  }

  async #claims(token: string): Promise<Claims> {
    const verify = async (key: KeyInput | JWTVerifyGetKey): Promise<Claims> =>
      (await jwtVerify(token, key, this.#options)).payload
    try {
      return await verify(this.#key)
    } catch (error) {
      // What jose has against a key that is not made for the token's algorithm.
      if (error instanceof TypeError) throw new Refusal(error.message)
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
      // The token does not say which key it is of.
      for await (const key of error) {
        try {
          return await verify(key)
        } catch (failure) {
          if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure
        }
      }
      throw new errors.JWSSignatureVerificationFailed()
    }
  }

  /** A token that outlived its revocation would be good again. */
  #life({ iat, exp }: Claims): { issuedAt: number; expiresAt: number } {
    const { maxTokenAge, clockTolerance } = this.#settings
    const now = Date.now() / 1000
    if (exp === undefined) {
      throw this.#mistake(
        'a token without exp is refused: have tokens expire, at most maxTokenAge after they are issued',
      )
    }
    if (iat !== undefined && iat > now + Math.max(MIN_AHEAD, clockTolerance / 1000)) {
      throw new Refusal('it was issued in the future')
    }
    if ((exp - (iat ?? now)) * 1000 > maxTokenAge + clockTolerance) {
      throw this.#mistake(
        'a token that lives longer than maxTokenAge is refused: shorten its life, or raise the option',
      )
    }
    return { issuedAt: iat ?? 0, expiresAt: exp * 1000 }
  }

  #permissions(claims: Claims): Permissions | undefined {
    const { claim } = this.#settings
    const found = Object.hasOwn(claims, claim) ? claims[claim] : undefined
    if (found === undefined) return undefined
    const permissions = readPermissions(found)
    if (!permissions) throw new Refusal(`its claim '${claim}' is wrong`)
    return permissions
  }

  #user(claims: Claims): User | Promise<User> {
    const { user } = this.#settings
    if (user) return user(claims)
    const { sub, name, preferred_username: alias } = claims
    if (typeof sub !== 'string' || sub === '') throw new Refusal('it has no sub')
    if (/\p{Cs}/u.test(sub)) throw new Refusal('its sub is not well-formed Unicode')
    return {
      id: sub,
      name: ([name, alias].find((one) => typeof one === 'string' && one !== '') as string) ?? sub,
    }
  }

  /** What the app's developers should see once, and not only at level debug. */
  #mistake(reason: string): Refusal {
    if (!this.#warned.has(reason)) this.#log().warn(reason)
    this.#warned.add(reason)
    return new Refusal(reason)
  }

  /** Says nothing of the token: not even what is wrong with it, except that it has expired. */
  #coded(error: unknown): unknown {
    if (error instanceof errors.JWTExpired) return new RookeryError('token_expired')
    const isJose = error instanceof errors.JOSEError
    if (!isJose && !(error instanceof Refusal)) return error
    const reason = isJose ? `${error.code}${'claim' in error ? ` ${error.claim}` : ''}` : error.message
    this.#log().debug({ reason }, 'a token was refused')
    return new RookeryError('invalid_token')
  }
}

const copy = (value: string | readonly string[]): string | string[] =>
  typeof value === 'string' ? value : [...value]
