import type { User } from '../../core/protocol/protocol.ts'
import type { Session } from '../../core/sessions/session.ts'
import { createToken } from '../../core/util/token.ts'

/** What a token says. */
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

/** A token that has been found valid. */
export interface VerifiedToken {
  readonly user: User
  readonly claims: Claims
  /** Its `jti`, or what stands for it in a token without one. Revokes it with `revoke({ tokenId })`. */
  readonly tokenId: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** What to revoke: all tokens that a user has now, the token of a session, or one token. */
export type RevokeTarget =
  | { readonly user: string }
  | { readonly session: string }
  | { readonly tokenId: string }

export interface RevokeOptions {
  /** When the revocation may be forgotten, such as when the token expires. @default after `maxTokenAge` */
  readonly until?: Date | undefined
}

/** What came of a revocation. */
export interface Revoked {
  /** How many sessions were closed, on all nodes that answered. */
  readonly sessions: number
  /** Nodes that did not answer. They learn of it when they are back. */
  readonly missing: readonly string[]
}

/** Verifies and revokes tokens. */
export interface Auth {
  /**
   * Verifies a token as a handshake does: for routes of your own.
   *
   * @throws `invalid_token`, `token_expired`, `token_revoked`, `auth_unavailable`; `invalid_option` without `jwt`
   */
  verify(token: string): Promise<VerifiedToken>
  /** What the token of a session says; undefined when it came without one. */
  claims(session: Session): Claims | undefined
  /**
   * Closes sessions with `token_revoked`, on every node, and refuses their tokens from then on. A user's are those
   * issued up to this second: whoever logs in again later is let in.
   *
   * @throws `invalid_option`
   */
  revoke(target: RevokeTarget, options?: RevokeOptions): Promise<Revoked>
}

export const Auth = createToken<Auth>('Auth', "auth() from 'rookery/auth'")
