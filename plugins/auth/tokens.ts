import type { User } from '../../core/protocol/protocol.ts'
import type { Session } from '../../core/sessions/session.ts'
import { createToken } from '../../core/util/token.ts'

/** The claims of a token. */
export interface Claims {
  readonly iss?: string
  readonly sub?: string
  readonly aud?: string | readonly string[]
  /** Seconds since 1970, as are `iat` and `nbf`. */
  readonly exp?: number
  readonly iat?: number
  readonly nbf?: number
  readonly jti?: string
  readonly [claim: string]: unknown
}

/** A valid token. */
export interface VerifiedToken {
  readonly user: User
  readonly claims: Claims
  /** The token's `jti`; without one, a hash of the token. `revoke({ tokenId })` revokes the token. */
  readonly tokenId: string
  /** Until when the server accepts the token: its `exp` and `clockTolerance`. Milliseconds since 1970. */
  readonly expiresAt: number
}

/** What to revoke: all tokens that a user has now, the token of a session, or one token. */
export type RevokeTarget =
  | { readonly user: string }
  | { readonly session: string }
  | { readonly tokenId: string }

export interface RevokeOptions {
  /** When the revocation may be forgotten. @default at the end of a session's token; otherwise after `maxTokenAge` */
  readonly until?: Date | undefined
}

/** The result of a revocation. */
export interface Revoked {
  /** Number of sessions that were closed, on all nodes that answered. */
  readonly sessions: number
  /** Nodes that did not answer. They receive the revocation when they are connected again. */
  readonly missing: readonly string[]
}

/** Verifies and revokes tokens. */
export interface Auth {
  /**
   * Verifies a token as a handshake does. Use it in HTTP routes of your own.
   *
   * @throws `invalid_token`, `token_expired`, `token_revoked`, `auth_unavailable`; `invalid_option` without `jwt`
   */
  verify(token: string): Promise<VerifiedToken>
  /** Returns the claims of a session's token; undefined if the session has no token. */
  claims(session: Session): Claims | undefined
  /**
   * Closes the sessions of a target with `token_revoked`, on every node, and refuses their tokens from then on. For a
   * user, it revokes the tokens issued up to the current second, or up to the latest `iat` that the nodes have seen, if the
   * clock of the issuer is ahead. A token that is issued later is valid.
   *
   * @throws `invalid_option`
   */
  revoke(target: RevokeTarget, options?: RevokeOptions): Promise<Revoked>
}

export const Auth = createToken<Auth>('Auth', "auth() from 'rookery/auth'")
