import type { Target } from '../cluster/target.ts'
import type { RookeryError } from '../protocol/errors.ts'
import type { User } from '../protocol/protocol.ts'
import type { InboundHost } from './inbound.ts'
import type { Limits } from './limits.ts'
import type { Flusher } from './outbox.ts'
import type { PeerSession } from './session.ts'
import type { SubscriptionsHost } from './subscriptions.ts'

/** The app, as a session sees it. */
export interface SessionHost extends InboundHost, SubscriptionsHost {
  readonly limits: Limits
  readonly flusher: Flusher
  /** Adds the session to, or removes it from, the sessions that `app.send` to the target reaches. */
  addressed(target: Target, session: PeerSession, added: boolean): void
  /** Returns the part of a user that clients may see. */
  publicUser(user: User): User
  /** Called when the session's user has been renewed. */
  renewed(session: PeerSession): Promise<void>
  /** Counts a refusal. */
  count(error: RookeryError): void
  /** Logs an error of a session. `stage` says where it happened. */
  report(error: unknown, session: PeerSession, stage: string): void
  /** Counts messages that a slow consumer did not get. */
  dropped(count: number): void
  /**
   * Called when the session has closed. `error` is undefined if the peer left by itself. Returns a promise that
   * resolves when the close hooks have settled, if one of them is asynchronous.
   */
  ended(session: PeerSession, error: RookeryError | undefined): Promise<unknown> | undefined
}
