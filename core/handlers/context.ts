import type { User } from '../protocol/protocol.ts'
import type { Session } from '../sessions/session.ts'

/** What a handler gets: the message, and who sent it. */
export interface Context {
  readonly topic: string
  /** The payload as it came; the handler's second argument is the validated one. */
  readonly payload: unknown
  readonly session: Session
  /**
   * The session's user. `ctx.session.user` is the same without the error.
   *
   * @throws `unauthenticated` when the session has none
   */
  readonly user: User
  /**
   * The room that the session joined last. `ctx.session.rooms` has all of them.
   *
   * @throws `not_in_room` when it is in none
   */
  readonly room: string
  /** Aborts when the handlers have run out of time or the session closes. */
  readonly signal: AbortSignal
  /**
   * Publishes a message to clients and listeners, with the sender as its `actor`. Bad input throws at once.
   *
   * @throws `invalid_topic`, `unserializable`
   */
  publish(topic: string, payload?: unknown): Promise<void>
  /** Like `publish`, but this session does not get the message. Listeners do. */
  broadcast(topic: string, payload?: unknown): Promise<void>
}

/** Handles a message. What it returns is the reply; what it throws is the reply's error. */
export type Handler<P = unknown> = (ctx: Context, payload: P) => unknown

/** Runs what comes after it, the handlers last; resolves with the reply. */
export type Next = () => Promise<unknown>

/** Wraps the handlers of a message. What it returns is the reply. */
export type Middleware = (ctx: Context, next: Next) => unknown
