import type { KeyObject } from 'node:crypto'
import type { JSONWebKeySet } from 'jose'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { User } from '../../core/protocol/protocol.ts'
import type { Handshake } from '../../core/sessions/transport.ts'
import {
  checkOptions,
  type Duration,
  milliseconds,
  type OptionCheck,
  option,
} from '../../core/util/options.ts'
import type { Rules } from './rule-set.ts'
import type { Authorize } from './session-authorizer.ts'
import type { Claims } from './tokens.ts'

/** What a token must be. Exactly one of `secret`, `publicKey` and `jwks`. */
export interface JwtOptions {
  /** The secret that tokens are signed with: 32 bytes or more for HS256, 48 for HS384, 64 for HS512. */
  readonly secret?: string | Uint8Array | undefined
  /** The public key of whoever issues tokens: a PEM (SPKI or X.509), a KeyObject or a CryptoKey. */
  readonly publicKey?: string | KeyObject | CryptoKey | undefined
  /** The public keys of whoever issues tokens, or where to fetch them. */
  readonly jwks?: string | URL | JSONWebKeySet | undefined
  /** What `iss` must be, or one of several. @default anything */
  readonly issuer?: string | readonly string[] | undefined
  /** What `aud` must be or hold, or one of several. @default anything */
  readonly audience?: string | readonly string[] | undefined
  /** Signature algorithms. @default HS256 with a secret, otherwise all that go with the key */
  readonly algorithms?: readonly string[] | undefined
  /** How far clocks may be apart when `exp`, `nbf` and `iat` are checked. @default 0 */
  readonly clockTolerance?: Duration | undefined
}

/** Exactly one of `jwt` and `authenticate`. */
export interface AuthOptions<
  S extends string = string,
  W extends string = string,
  J extends string = string,
> {
  readonly jwt?: JwtOptions | undefined
  /**
   * Says who a peer is, in place of tokens: by a cookie of a session of yours, for example. null: nobody. A coded error
   * that it throws refuses the peer.
   */
  readonly authenticate?: ((handshake: Handshake) => User | null | Promise<User | null>) | undefined
  /** Whether peers without a token are refused; otherwise they have no user. @default true */
  readonly required?: boolean | undefined
  /** Makes a user of a token's claims. @default `id` is `sub`; `name` is `name`, `preferred_username` or `sub` */
  readonly user?: ((claims: Claims) => User | Promise<User>) | undefined
  /** Name of a cookie that may hold the token. Needs the origin check of `http()`. @default none */
  readonly cookie?: string | undefined
  /** Name of a parameter of the URL that may hold the token. URLs end up in logs and histories. @default none */
  readonly query?: string | undefined
  /** Name of the claim that lists what a token allows. @default 'rookery' */
  readonly claim?: string | undefined
  /** What is allowed, by action and topic. An action without rules is allowed. */
  readonly rules?: Rules<S, W, J> | undefined
  /** Says, topic by topic, what is allowed. Only `true` allows. */
  readonly authorize?: Authorize | undefined
  /** How long a session goes on after its token has expired, for a new one to come. @default '25s' */
  readonly grace?: Duration | undefined
  /** Longest life of a token, and so how long a revocation is kept. @default '24h' */
  readonly maxTokenAge?: Duration | undefined
}

/** What verifying tokens needs to know. Times in milliseconds. */
export interface JwtSettings {
  readonly jwt: JwtOptions
  readonly clockTolerance: number
  readonly maxTokenAge: number
  readonly claim: string
  readonly user: AuthOptions['user']
}

const YEAR = 366 * 24 * 3_600_000

const names: OptionCheck = option.either(option.string, option.list(option.string))

const isCookieName: OptionCheck = (value) =>
  typeof value === 'string' && /^[!#$%&'*+\-.^_`|~\w]+$/.test(value)
    ? undefined
    : "the name of a cookie, such as '__Host-token'"

/** @throws `invalid_option` */
export const checkAuthOptions = (options: AuthOptions): void => {
  checkOptions('auth()', options, {
    jwt: option.object,
    authenticate: option.function,
    required: option.boolean,
    user: option.function,
    cookie: isCookieName,
    query: option.string,
    claim: option.string,
    rules: option.object,
    authorize: option.function,
    grace: option.duration(0),
    maxTokenAge: option.duration(1000, YEAR),
  })
  const { jwt, authenticate } = options
  if ((jwt === undefined) === (authenticate === undefined)) {
    throw new RookeryError('invalid_option', "auth() needs exactly one of 'jwt' and 'authenticate'")
  }
  if (jwt === undefined) {
    const idle = (['user', 'cookie', 'query', 'claim', 'grace', 'maxTokenAge'] as const).find(
      (name) => options[name] !== undefined,
    )
    if (idle)
      throw new RookeryError('invalid_option', `auth(): '${idle}' goes with 'jwt', not with 'authenticate'`)
    return
  }
  checkOptions('jwt of auth()', jwt, {
    secret: option.any,
    publicKey: option.any,
    jwks: option.any,
    issuer: names,
    audience: names,
    algorithms: option.list(option.string),
    clockTolerance: option.duration(0, 3_600_000),
  })
}

export const jwtSettings = (jwt: JwtOptions, { claim, user, maxTokenAge }: AuthOptions): JwtSettings => ({
  jwt,
  clockTolerance: milliseconds(jwt.clockTolerance ?? 0),
  maxTokenAge: milliseconds(maxTokenAge ?? '24h'),
  claim: claim ?? 'rookery',
  user,
})
