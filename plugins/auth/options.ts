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
import type { Authorize } from './authorize.ts'
import type { JwtOptions, JwtSettings } from './jwt-options.ts'
import type { Rules } from './rules.ts'
import type { Claims } from './tokens.ts'

/** Options of `auth()`. Exactly one of `jwt` and `authenticate` is required. */
export interface AuthOptions<
  S extends string = string,
  W extends string = string,
  J extends string = string,
> {
  /** Authenticates clients by a token. */
  readonly jwt?: JwtOptions | undefined
  /**
   * Authenticates clients without tokens, for example by the cookie of your web session. Return the user, or null if
   * there is none. Throw a coded error to refuse the client with it.
   */
  readonly authenticate?: ((handshake: Handshake) => User | null | Promise<User | null>) | undefined
  /** Whether a client without a user is refused. If false, its session has no user. @default true */
  readonly required?: boolean | undefined
  /** Makes the user from the claims. @default `id` is `sub`; `name` is `name`, `preferred_username` or `sub` */
  readonly user?: ((claims: Claims) => User | Promise<User>) | undefined
  /** Name of a cookie that may hold the token. Needs the origin check of `http()`. @default none */
  readonly cookie?: string | undefined
  /** Name of a query parameter that may hold the token. URLs end up in logs and browser histories. @default none */
  readonly query?: string | undefined
  /** Name of the claim that lists what a token allows. @default 'rookery' */
  readonly claim?: string | undefined
  /** What sessions may do, by action and topic. An action without rules is allowed. @default none */
  readonly rules?: Rules<S, W, J> | undefined
  /** Decides for each topic whether an action is allowed. Only `true` allows it. @default none */
  readonly authorize?: Authorize | undefined
  /** How long a session stays open after its token has expired, so that a new token can come. @default '25s' */
  readonly grace?: Duration | undefined
  /** Longest lifetime of a token. The revocation of a user or a `tokenId` is kept for the same time. @default '24h' */
  readonly maxTokenAge?: Duration | undefined
}

const YEAR_MS = 366 * 24 * 3_600_000

const stringOrList: OptionCheck = option.either(option.string, option.list(option.string))

const cookieName: OptionCheck = (value) =>
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
    cookie: cookieName,
    query: option.string,
    claim: option.string,
    rules: option.object,
    authorize: option.function,
    grace: option.duration(0),
    maxTokenAge: option.duration(1000, YEAR_MS),
  })
  const { jwt, authenticate } = options
  if ((jwt === undefined) === (authenticate === undefined)) {
    throw new RookeryError('invalid_option', "auth() needs exactly one of 'jwt' and 'authenticate'")
  }
  if (jwt === undefined) {
    const unused = (['user', 'cookie', 'query', 'claim', 'grace', 'maxTokenAge'] as const).find(
      (name) => options[name] !== undefined,
    )
    if (unused) {
      throw new RookeryError(
        'invalid_option',
        `auth(): '${unused}' needs 'jwt'; 'authenticate' does not use it`,
      )
    }
    return
  }
  checkOptions('jwt of auth()', jwt, {
    secret: option.any,
    publicKey: option.any,
    jwks: option.any,
    issuer: stringOrList,
    audience: stringOrList,
    typ: option.string,
    algorithms: option.list(option.string),
    clockTolerance: option.duration(0, 3_600_000),
  })
}

/** Converts validated options to settings, with defaults and milliseconds. */
export const jwtSettings = (jwt: JwtOptions, { claim, user, maxTokenAge }: AuthOptions): JwtSettings => ({
  jwt,
  clockTolerance: milliseconds(jwt.clockTolerance ?? 0),
  maxTokenAge: milliseconds(maxTokenAge ?? '24h'),
  claim: claim ?? 'rookery',
  user,
})
