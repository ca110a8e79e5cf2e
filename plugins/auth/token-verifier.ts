import { errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify, type KeyInput } from 'jose'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { User } from '../../core/protocol/protocol.ts'
import type { Logger } from '../../core/util/logger.ts'
import { copyUser, type Identity, isWellFormed } from './identity.ts'
import type { JwtSettings } from './jwt-options.ts'
import { type Permissions, readPermissions } from './permissions.ts'
import { hashOf, tokenKey, userKey } from './revocation-keys.ts'
import type { Claims } from './tokens.ts'
import { readKey } from './verification-key.ts'

/** Maximum length of a token. */
const MAX_TOKEN_CHARACTERS = 8192
/** How far the issuer's clock may be ahead, even without `clockTolerance`. */
const MIN_CLOCK_LEAD_SECONDS = 5

/** How far the `iat` of a token may be ahead of this node's clock. @param clockTolerance milliseconds */
export const maxClockLeadSeconds = (clockTolerance: number): number =>
  Math.max(MIN_CLOCK_LEAD_SECONDS, clockTolerance / 1000)

/**
 * Id of a token without `jti`: a hash of its signed part. The signature is left out, because one signature can be
 * written in several ways.
 */
const hashedTokenId = (token: string): string => `sha256:${hashOf(token.slice(0, token.lastIndexOf('.')))}`

/** Why a token is refused. Only the log shows it: the client must not learn what is wrong with a token. */
class TokenRejection extends Error {}

/** Verifies tokens. */
export class TokenVerifier {
  readonly #settings: JwtSettings
  readonly #log: () => Logger
  readonly #key: KeyInput | JWTVerifyGetKey
  readonly #options: JWTVerifyOptions
  readonly #warned = new Set<string>()

  /** @throws `invalid_option` */
  constructor(settings: JwtSettings, log: () => Logger) {
    const { issuer, audience, typ } = settings.jwt
    const { key, algorithms } = readKey(settings.jwt, log)
    this.#settings = settings
    this.#log = log
    this.#key = key
    this.#options = {
      algorithms: [...algorithms],
      ...(issuer !== undefined && { issuer: copy(issuer) }),
      ...(audience !== undefined && { audience: copy(audience) }),
      ...(typ !== undefined && { typ }),
      clockTolerance: settings.clockTolerance / 1000,
    }
  }

  /** Warns if tokens for other applications are accepted. */
  checkAudience(): void {
    if (this.#options.audience !== undefined) return
    this.#log().warn(
      'tokens issued for other applications or purposes are accepted, too: set jwt.audience of auth()',
    )
  }

  /** @throws `invalid_token`, `token_expired`, `auth_unavailable`, and the errors of the `user` option */
  async verify(token: unknown): Promise<Identity> {
    try {
      if (typeof token !== 'string') throw new TokenRejection('it is not a string')
      if (token.length > MAX_TOKEN_CHARACTERS) throw new TokenRejection('it is too long')
      const claims = await this.#verifiedClaims(token)
      const { issuedAt, expiresAt } = this.#validity(claims)
      const permissions = this.#permissions(claims)
      const user = copyUser(await this.#user(claims))
      const tokenId = typeof claims.jti === 'string' && claims.jti !== '' ? claims.jti : hashedTokenId(token)
      const revocationKeys = [userKey(user.id), tokenKey(tokenId)]
      return { user, claims, permissions, revocationKeys, issuedAt, expiresAt, tokenId }
    } catch (error) {
      throw this.#toClientError(error)
    }
  }

  async #verifiedClaims(token: string): Promise<Claims> {
    const verify = async (key: KeyInput | JWTVerifyGetKey): Promise<Claims> =>
      (await jwtVerify(token, key, this.#options)).payload
    try {
      return await verify(this.#key)
    } catch (error) {
      // `jose` throws a TypeError if the key does not fit the token's algorithm.
      if (error instanceof TypeError) throw new TokenRejection(error.message)
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
      // The token does not name its key: try each key that fits.
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

  /**
   * Limits how long a token is valid. A token that is valid for longer than its revocation is kept would be accepted
   * again after that.
   */
  #validity({ iat, exp }: Claims): { issuedAt: number; expiresAt: number } {
    const { maxTokenAge, clockTolerance } = this.#settings
    const now = Date.now() / 1000
    if (exp === undefined) {
      throw this.#rejectAndWarn(
        'a token without exp is refused: let tokens expire, at most maxTokenAge after they are issued',
      )
    }
    if (iat !== undefined && iat > now + maxClockLeadSeconds(clockTolerance)) {
      throw new TokenRejection('it was issued in the future')
    }
    if ((exp - (iat ?? now)) * 1000 > maxTokenAge + clockTolerance) {
      throw this.#rejectAndWarn(
        'a token that is valid for longer than maxTokenAge is refused: shorten its lifetime, or raise the option',
      )
    }
    return { issuedAt: Math.floor(iat ?? 0), expiresAt: exp * 1000 + clockTolerance }
  }

  #permissions(claims: Claims): Permissions | undefined {
    const { claim } = this.#settings
    const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined
    if (value === undefined) return undefined
    const permissions = readPermissions(value)
    if (!permissions) throw new TokenRejection(`its claim '${claim}' is not valid`)
    return permissions
  }

  #user(claims: Claims): User | Promise<User> {
    const { user } = this.#settings
    if (user) return user(claims)
    const { sub, name, preferred_username: alias } = claims
    if (typeof sub !== 'string' || sub === '') throw new TokenRejection('it has no sub')
    if (!isWellFormed(sub)) throw new TokenRejection('its sub is not well-formed Unicode')
    return {
      id: sub,
      name: ([name, alias].find((one) => typeof one === 'string' && one !== '') as string) ?? sub,
    }
  }

  /** Warns once about a mistake of the issuer: developers would not see it at level debug. */
  #rejectAndWarn(reason: string): TokenRejection {
    if (!this.#warned.has(reason)) this.#log().warn(reason)
    this.#warned.add(reason)
    return new TokenRejection(reason)
  }

  /** Hides from the client what is wrong with the token, except that it has expired. */
  #toClientError(error: unknown): unknown {
    if (error instanceof errors.JWTExpired) return new RookeryError('token_expired')
    const isJose = error instanceof errors.JOSEError
    if (!isJose && !(error instanceof TokenRejection)) return error
    const reason = isJose ? `${error.code}${'claim' in error ? ` ${error.claim}` : ''}` : error.message
    this.#log().debug({ reason }, 'a token was refused')
    return new RookeryError('invalid_token')
  }
}

const copy = (value: string | readonly string[]): string | string[] =>
  typeof value === 'string' ? value : [...value]
