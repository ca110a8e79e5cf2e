import type { Target } from '../cluster/target.ts'
import type { RookeryError } from '../protocol/errors.ts'
import type { InboundHost } from './inbound.ts'
import type { KeptDelivery } from './kept-delivery.ts'
import type { Limits } from './limits.ts'
import type { Flusher } from './outbox.ts'
import type { ReplaysHost } from './replays.ts'
import type { PeerSession } from './session.ts'
import type { SubscriptionsHost } from './subscriptions.ts'
import type { UserChecks } from './user-schema.ts'

/** The app, as a session sees it. */
export interface SessionHost extends InboundHost, SubscriptionsHost, ReplaysHost, UserChecks {
  readonly limits: Limits
  readonly flusher: Flusher
  readonly kept: KeptDelivery
  /** Adds the session to, or removes it from, the sessions that `app.send` to the target reaches. */
  addressed(target: Target, session: PeerSession, added: boolean): void
  /** Hash of the app's contract, if it has one. */
  readonly contract: string | undefined
  /** Checks a message that the server sends against the contract. @throws `invalid_output` */
  checkMessage(topic: string, payload: unknown): void
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
