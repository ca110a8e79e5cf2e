import { RookeryError } from '../../core/protocol/errors.ts'
import { Frame } from '../../core/protocol/frame.ts'
import type { User } from '../../core/protocol/protocol.ts'
import type { Session } from '../../core/sessions/session.ts'
import { logId } from '../../core/sessions/session.ts'
import type { Logger } from '../../core/util/logger.ts'
import { Lease } from './lease.ts'
import { isOlder, type Revocation, type Revocations } from './revocations.ts'
import { hashOf, type Login, type Verifier } from './verifier.ts'

/** Wrong tokens in a row that a session may send. */
const MAX_WRONG = 5

/** A session that somebody has logged in with. */
interface Entry {
  login: Login
  lease: Lease | undefined
  /** Wrong tokens since the last right one. */
  wrong: number
}

/** Keeps by what right this node's sessions are open: ends them when their tokens expire or are revoked. */
export class Logins {
  readonly #grace: number
  readonly #revocations: Revocations
  readonly #log: () => Logger
  /** By a session's user: every login has one of its own. */
  readonly #byUser = new WeakMap<User, Login>()
  readonly #entries = new Map<Session, Entry>()
  /** Sessions by what they can be revoked by. */
  readonly #byKey = new Map<string, Set<Session>>()

  constructor(revocations: Revocations, grace: number, log: () => Logger) {
    this.#revocations = revocations
    this.#grace = grace
    this.#log = log
  }

  /** What is in use, for leak checks. */
  get size(): number {
    return this.#entries.size + this.#byKey.size
  }

  of = (session: Session): Login | undefined => (session.user ? this.#byUser.get(session.user) : undefined)

  /** Lets a login in: a session will be opened for its user. @throws `token_revoked` */
  admit(login: Login): User {
    this.assertValid(login)
    this.#byUser.set(login.user, login)
    return login.user
  }

  /** @throws `token_revoked` */
  assertValid({ keys, issuedAt, tokenId }: Login): void {
    // Who came without a token is let in by somebody who knows.
    if (tokenId === undefined || !this.#revocations.revokes(keys, issuedAt, Date.now())) return
    throw new RookeryError('token_revoked')
  }

  /** A session has been opened. @throws `token_revoked` */
  opened(session: Session, push: (frame: Frame) => void): void {
    const login = this.of(session)
    if (!login || session.closed) return
    this.assertValid(login)
    const { expiresAt } = login
    const lease =
      expiresAt === undefined
        ? undefined
        : new Lease(expiresAt, this.#grace, {
            ask: (expiresIn) => push(new Frame({ type: 'auth', expiresIn })),
            end: () => session.close(new RookeryError('token_expired')),
          })
    this.#entries.set(session, { login, lease, wrong: 0 })
    this.#index(session, login, true)
  }

  closed(session: Session): void {
    const entry = this.#entries.get(session)
    if (!entry) return
    entry.lease?.stop()
    this.#entries.delete(session)
    this.#index(session, entry.login, false)
  }

  /**
   * Takes another token of a session's user.
   *
   * @throws `invalid_token`, `token_expired`, `token_revoked`, `auth_unavailable`; `forbidden` for another user
   */
  async renew(session: Session, token: string, verifier: Verifier): Promise<{ expiresIn: number }> {
    const entry = this.#entries.get(session)
    if (!entry) throw new RookeryError('forbidden', 'This session has no user: connect anew with the token')
    const login = await this.#verified(session, entry, token, verifier)
    if (session.closed) throw session.signal.reason
    this.#index(session, entry.login, false)
    entry.login = login
    entry.wrong = 0
    this.#index(session, login, true)
    this.#byUser.set(login.user, login)
    const expiresAt = login.expiresAt as number
    entry.lease?.renew(expiresAt)
    await session.renew(login.user)
    return { expiresIn: Math.max(0, expiresAt - Date.now()) }
  }

  /** Closes the sessions that revocations concern, but one; returns how many there were. */
  close(revocations: readonly Revocation[], except?: Session): number {
    let count = 0
    for (const revocation of revocations) {
      for (const session of [...(this.#byKey.get(revocation.key) ?? [])]) {
        const login = this.#entries.get(session)?.login
        if (!login || session === except || !isOlder(login.issuedAt, revocation)) continue
        this.#log().info(
          { session: logId(session), user: login.user.id, token: login.tokenId && hashOf(login.tokenId) },
          'a session was closed: its token has been revoked',
        )
        session.close(new RookeryError('token_revoked'))
        count++
      }
    }
    return count
  }

  async #verified(session: Session, entry: Entry, token: string, verifier: Verifier): Promise<Login> {
    try {
      const login = await verifier.verify(token)
      this.assertValid(login)
      if (login.user.id !== session.user?.id) throw new RookeryError('forbidden', 'A session keeps its user')
      return login
    } catch (error) {
      const { code } = error as { code?: unknown }
      this.#log().debug({ session: logId(session), user: session.user?.id, code }, 'a new token was refused')
      // That tokens cannot be verified just now is not the client's fault.
      if (code !== 'auth_unavailable' && ++entry.wrong > MAX_WRONG)
        session.close(new RookeryError('invalid_token'))
      throw error
    }
  }

  #index(session: Session, { keys }: Login, there: boolean): void {
    for (const key of keys) {
      const sessions = this.#byKey.get(key)
      if (there) {
        if (sessions) sessions.add(session)
        else this.#byKey.set(key, new Set([session]))
      } else if (sessions?.delete(session) && sessions.size === 0) {
        this.#byKey.delete(key)
      }
    }
  }
}
