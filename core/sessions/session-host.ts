import type { FairQueue } from '../admission/fair-queue.ts'
import { createToken } from '../app/scope.ts'
import type { Target } from '../cluster/cluster.ts'
import type { RookeryError } from '../protocol/errors.ts'
import type { SendFrame } from '../protocol/protocol.ts'
import type { Access } from './authorization.ts'
import type { Delivery } from './fan-out.ts'
import type { Session } from './live-session.ts'
import type { Flusher } from './outbox.ts'

/** The limits with their defaults. Sizes are in bytes, times in milliseconds. */
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

/** The app's limits, for plugins. */
export const Limits = createToken<Limits>('Limits')

/** The app, as sessions see it. */
export interface SessionHost {
  readonly limits: Limits
  readonly flusher: Flusher
  readonly fairQueue: FairQueue
  readonly access: Access
  readonly delivery: Delivery
  /** Checks a pattern that a client asks for. @throws `invalid_pattern`, `reserved_topic` */
  checkPattern(pattern: string): void
  /** Adds the session to, or removes it from, the sessions that `app.send` to the target reaches. */
  addressed(target: Target, session: Session, there: boolean): void
  /** Handles a new token of a session; resolves with the reply. */
  token(session: Session, token: string): Promise<unknown>
  /** Called when a session's user has been renewed. */
  renewed(session: Session): Promise<void>
  /** Counts a refusal. */
  count(error: RookeryError): void
  /** Runs the handlers of a message; returns the reply, or a promise of it. */
  dispatch(session: Session, frame: SendFrame): unknown
  /** Returns the part of an error that a client may see, and logs the rest. */
  expose(error: unknown, session: Session, topic: string): RookeryError
  /** Logs an error of a session, with its stage. */
  report(error: unknown, session: Session, stage: string): void
  /** Counts messages that a slow consumer did not get. */
  dropped(count: number): void
  /** Called when the session has closed. `error` is the reason, unless the peer left. */
  ended(session: Session, error: RookeryError | undefined): void
}

/** The part of a session's id that goes to the log. The whole id is a secret: it admits to the uplink of server-sent events. */
export const logId = ({ id }: { readonly id: string }): string => id.slice(0, id.indexOf('-') + 9)
