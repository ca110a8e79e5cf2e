import type { Access } from './access.ts'
import type { FairQueue } from './admission/fair-queue.ts'
import type { Target } from './cluster.ts'
import type { Delivery } from './delivery.ts'
import type { RookeryError } from './errors.ts'
import type { Flusher } from './outbox.ts'
import type { SendFrame } from './protocol.ts'
import { createToken } from './scope.ts'
import type { Session } from './session.ts'

/** Limits of a session, checked and with their defaults filled in. Sizes in bytes, times in milliseconds. */
export interface Limits {
  readonly maxPayload: number
  readonly maxSubscriptions: number
  readonly messageRate: number
  readonly messageBurst: number
  readonly maxBuffered: number
  readonly slowConsumer: 'disconnect' | 'drop'
  readonly pingInterval: number
  readonly pingTimeout: number
  readonly handshakeTimeout: number
  readonly byteRate: number
  readonly byteBurst: number
  readonly maxDepth: number
  readonly maxNodes: number
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxConnectionsPerUser: number
  readonly maxHandshakes: number
  readonly handshakeRate: number
  readonly handshakeBurst: number
}

/** The app's limits, for plugins that keep to them too. */
export const Limits = createToken<Limits>('Limits')

/** What a session needs of its app. */
export interface SessionHost {
  readonly limits: Limits
  readonly flusher: Flusher
  readonly fairQueue: FairQueue
  readonly access: Access
  readonly delivery: Delivery
  /** Checks a pattern that a client asks for. @throws `invalid_pattern`, `reserved_topic` */
  checkPattern(pattern: string): void
  /** Adds or removes the session among those that `app.send` to the target reaches. */
  addressed(target: Target, session: Session, there: boolean): void
  /** Takes a new token of a session; resolves with the reply. */
  token(session: Session, token: string): Promise<unknown>
  /** A session's user has been renewed. */
  renewed(session: Session): Promise<void>
  /** Counts a refusal. */
  count(error: RookeryError): void
  /** Runs the handlers of a message; returns the reply, or a promise of it. */
  dispatch(session: Session, frame: SendFrame): unknown
  /** Turns whatever was thrown into what a client may see; the rest goes to the log. */
  expose(error: unknown, session: Session, topic: string): RookeryError
  /** Logs what went wrong with a session, and at what stage. */
  report(error: unknown, session: Session, stage: string): void
  /** Counts messages that a slow consumer did not get. */
  dropped(count: number): void
  /** The session is closed; `error` is why, unless the peer left. */
  ended(session: Session, error: RookeryError | undefined): void
}

/** A session as the log names it: who knows a whole id can send in its name over server-sent events. */
export const logId = ({ id }: { readonly id: string }): string => id.slice(0, id.indexOf('-') + 9)
