import type { User } from '../protocol/protocol.ts'
import type { Session } from '../sessions/session.ts'

/** The first argument of a handler: the message and its sender. */
export interface Context {
  readonly topic: string
  /** The payload before validation. The handler's second argument is the validated payload. */
  readonly payload: unknown
  readonly session: Session
  /**
   * The session's user. `ctx.session.user` is the same, but null for an anonymous session.
   *
   * @throws `unauthenticated` if the session is anonymous
   */
  readonly user: User
  /**
   * The room of the message: for a topic `rooms/<room>/...` that room, otherwise the only room of the session.
   * `ctx.session.rooms` has all its rooms.
   *
   * @throws `not_in_room` if the session is not in the room, or in none; `several_rooms` if the topic names no room and
   * the session is in several
   */
  readonly room: string
  /** Aborts when the handlers exceed `handlerTimeout`, or when the session closes while they run. */
  readonly signal: AbortSignal
  /**
   * Publishes a message to clients and listeners, with the sender as its `actor`. See `app.publish`.
   *
   * @throws `invalid_topic`, `unserializable`
   */
  publish(topic: string, payload?: unknown): Promise<void>
  /**
   * Like `publish`, but this session does not get the message. Listeners on the server do.
   *
   * @throws `invalid_topic`, `unserializable`
   */
  broadcast(topic: string, payload?: unknown): Promise<void>
}

/**
 * Handles a message. The result is the payload of the reply. A thrown error becomes the error of the reply:
 * `internal` if it has no public code.
 */
export type Handler<P = unknown> = (ctx: Context, payload: P) => unknown

export interface HandleOptions {
  /**
   * Whether the handler may share its topic or pattern with other handlers. All of them run, at the same time. Without it, the
   * second handler of a topic is refused.
   *
   * @default false
   */
  readonly also?: boolean | undefined
}

/** Runs the rest: later middleware, then the handlers. Resolves with the payload of the reply. */
export type Next = () => Promise<unknown>

/** Wraps the handlers of a message. The result is the payload of the reply. */
export type Middleware = (ctx: Context, next: Next) => unknown
