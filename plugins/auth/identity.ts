import { RookeryError } from '../../core/protocol/errors.ts'
import type { User } from '../../core/protocol/protocol.ts'
import type { Permissions } from './permissions.ts'
import { userKey } from './revocation-keys.ts'
import type { Claims } from './tokens.ts'

/** An authenticated user, and what the user's token says. */
export interface Identity {
  readonly user: User
  /** Undefined without a token, as are `permissions`, `expiresAt` and `tokenId`. */
  readonly claims: Claims | undefined
  /** What the token allows; undefined if the token does not limit it. */
  readonly permissions: Permissions | undefined
  /** Keys under which the identity can be revoked. */
  readonly revocationKeys: readonly string[]
  /** Whole seconds since 1970; 0 if unknown. */
  readonly issuedAt: number
  /**
   * Until when the server accepts the token, in milliseconds since 1970: its `exp` and the clock tolerance. Undefined if it
   * does not expire.
   */
  readonly expiresAt: number | undefined
  readonly tokenId: string | undefined
}

/** Identity of a user that the application has authenticated without a token. @throws `invalid_option`, `forbidden` */
export const identityWithoutToken = (user: User): Identity => ({
  user: copyUser(user),
  claims: undefined,
  permissions: undefined,
  revocationKeys: [userKey(user.id)],
  issuedAt: 0,
  expiresAt: undefined,
  tokenId: undefined,
})

/**
 * Copies a user, so that no two identities share the object: the user object of a session leads to its identity.
 *
 * @throws `invalid_option` if the user has no `id` or no `name`; `forbidden` if the id is not well-formed Unicode
 */
export const copyUser = (user: User): User => {
  if (typeof user?.id !== 'string' || user.id === '' || typeof user.name !== 'string') {
    throw new RookeryError('invalid_option', 'auth(): a user needs an id and a name that are strings')
  }
  if (isWellFormed(user.id)) return { ...user }
  throw new RookeryError('forbidden', 'The id of a user must be well-formed Unicode')
}

/** Whether a text has no lone surrogate. A text with one has no UTF-8 form of its own. */
export const isWellFormed = (text: string): boolean => !/\p{Cs}/u.test(text)
