import { RookeryError } from '../../core/protocol/errors.ts'
import { Frame } from '../../core/protocol/frame.ts'
import type { User } from '../../core/protocol/protocol.ts'
import { logId, type Session } from '../../core/sessions/session.ts'
import { givenUser } from '../../core/sessions/user-schema.ts'
import type { Logger } from '../../core/util/logger.ts'
import { type Identity, identityWithoutToken } from './identity.ts'
import { hashOf } from './revocation-keys.ts'
import { isRevokedBy, type Revocation, type RevocationList } from './revocation-list.ts'
import { TokenExpiry } from './token-expiry.ts'
import type { TokenVerifier } from './token-verifier.ts'

/** Number of refused tokens in a row after which the next one ends the session. */
const MAX_REFUSED_TOKENS = 5

/** An open session of an authenticated user. */
interface Entry {
  identity: Identity
  readonly expiry: TokenExpiry | undefined
  /** Refused tokens since the last accepted one. */
  refusedTokens: number
}

/** The authenticated sessions of this node. Closes a session when its token expires or is revoked. */
export class AuthenticatedSessions {
  readonly #graceMs: number
  readonly #revocations: RevocationList
  readonly #log: () => Logger
  /** By the user object that authenticated the session, which belongs to one identity only. */
  readonly #identities = new WeakMap<User, Identity>()
  readonly #entries = new Map<Session, Entry>()
  /** Sessions by revocation key. */
  readonly #byKey = new Map<string, Set<Session>>()
  #newestIssuedAt = 0

  /** @param graceMs how long a session stays open after its token has expired, in milliseconds */
  constructor(revocations: RevocationList, graceMs: number, log: () => Logger) {
    this.#revocations = revocations
    this.#graceMs = graceMs
    this.#log = log
  }

  /** Number of entries in memory, for leak checks. */
  get size(): number {
    return this.#entries.size + this.#byKey.size
  }

  /** The latest `iat` of a token that was valid, in seconds since 1970. */
  get newestIssuedAt(): number {
    return this.#newestIssuedAt
  }

  identityOf = (session: Session): Identity | undefined =>
    session.user ? this.#identities.get(givenUser(session.user)) : undefined

  /** Registers an identity before a session opens, and returns the session's user. @throws `token_revoked` */
  admit(identity: Identity): User {
    this.assertValid(identity)
    this.#identities.set(identity.user, identity)
    return identity.user
  }

  /** @throws `token_revoked` */
  assertValid({ revocationKeys, issuedAt, tokenId }: Identity): void {
    // Without a token, the application's `authenticate` function decides whether the user may come back.
    if (tokenId === undefined) return
    if (this.#revocations.revokes(revocationKeys, issuedAt, Date.now()))
      throw new RookeryError('token_revoked')
    this.#newestIssuedAt = Math.max(this.#newestIssuedAt, issuedAt)
  }

  /**
   * Takes an opened session.
   *
   * @param push queues a frame to the session's client
   * @throws `token_revoked` if the token was revoked during the handshake
   */
  opened(session: Session, push: (frame: Frame) => void): void {
    if (!session.user || session.closed) return
    const identity = this.identityOf(session) ?? this.#admitAuthenticated(session.user)
    this.assertValid(identity)
    const { expiresAt } = identity
    const expiry =
      expiresAt === undefined
        ? undefined
        : new TokenExpiry(expiresAt, this.#graceMs, {
            renewalDue: (expiresIn) => push(new Frame({ type: 'auth', expiresIn })),
            expired: () => session.close(new RookeryError('token_expired')),
          })
    this.#entries.set(session, { identity, expiry, refusedTokens: 0 })
    this.#addToIndex(session, identity)
  }

  /** Forgets a closed session. */
  closed(session: Session): void {
    const entry = this.#entries.get(session)
    if (!entry) return
    entry.expiry?.stop()
    this.#entries.delete(session)
    this.#removeFromIndex(session, entry.identity)
  }

  /**
   * Replaces the token of a session by a new one of the same user.
   *
   * @throws `invalid_token`, `token_expired`, `token_revoked`, `auth_unavailable`; `forbidden` for another user
   */
  async renew(session: Session, token: string, verifier: TokenVerifier): Promise<{ expiresIn: number }> {
    const entry = this.#entries.get(session)
    if (!entry) {
      throw new RookeryError('forbidden', 'This session has no user: connect again with the token')
    }
    const identity = await this.#verify(session, entry, token, verifier)
    if (session.closed) throw session.signal.reason
    const earlier = entry.identity
    entry.refusedTokens = 0
    this.#identities.set(identity.user, identity)
    this.#use(session, entry, identity)
    try {
      await session.renew(identity.user)
    } catch (error) {
      // If the contract refuses the new user, the session goes on with its earlier token.
      if (!session.closed && this.identityOf(session) === earlier) this.#use(session, entry, earlier)
      throw error
    }
    return { expiresIn: Math.max(0, (identity.expiresAt as number) - Date.now()) }
  }

  /** Replaces the identity of a session. */
  #use(session: Session, entry: Entry, identity: Identity): void {
    this.#removeFromIndex(session, entry.identity)
    entry.identity = identity
    this.#addToIndex(session, identity)
    entry.expiry?.renew(identity.expiresAt as number)
  }

  /**
   * Closes the sessions that are revoked.
   *
   * @param except a session that the caller closes
   * @returns the number of sessions that were closed
   */
  closeRevoked(revocations: readonly Revocation[], except?: Session): number {
    let count = 0
    for (const revocation of revocations) {
      for (const session of [...(this.#byKey.get(revocation.key) ?? [])]) {
        const identity = this.#entries.get(session)?.identity
        if (!identity || session === except || !isRevokedBy(identity.issuedAt, revocation)) continue
        const { user, tokenId } = identity
        this.#log().info(
          { session: logId(session), user: user.id, token: tokenId && hashOf(tokenId) },
          'a session was closed because its token was revoked',
        )
        session.close(new RookeryError('token_revoked'))
        count++
      }
    }
    return count
  }

  /** Registers a user whom a transport or another hook has authenticated, so that it can be revoked. */
  #admitAuthenticated(user: User): Identity {
    const identity = identityWithoutToken(user)
    this.#identities.set(givenUser(user), identity)
    return identity
  }

  async #verify(session: Session, entry: Entry, token: string, verifier: TokenVerifier): Promise<Identity> {
    try {
      const identity = await verifier.verify(token)
      this.assertValid(identity)
      if (identity.user.id !== session.user?.id) {
        throw new RookeryError('forbidden', 'A session keeps its user')
      }
      return identity
    } catch (error) {
      const { code } = error as { code?: unknown }
      this.#log().debug({ session: logId(session), user: session.user?.id, code }, 'a new token was refused')
      // The client is not at fault if the keys cannot be fetched.
      if (code === 'auth_unavailable') {
        if (!session.closed) entry.expiry?.retry()
      } else if (++entry.refusedTokens > MAX_REFUSED_TOKENS) session.close(new RookeryError('invalid_token'))
      throw error
    }
  }

  #addToIndex(session: Session, { revocationKeys }: Identity): void {
    for (const key of revocationKeys) {
      const sessions = this.#byKey.get(key)
      if (sessions) sessions.add(session)
      else this.#byKey.set(key, new Set([session]))
    }
  }

  #removeFromIndex(session: Session, { revocationKeys }: Identity): void {
    for (const key of revocationKeys) {
      const sessions = this.#byKey.get(key)
      if (sessions?.delete(session) && sessions.size === 0) this.#byKey.delete(key)
    }
  }
}
