import type { PublishOptions } from '../bus/event.ts'
import type {
  CallErrorCode,
  ErrorData,
  HasCalls,
  HasTopics,
  Known,
  PayloadArgs,
  Published,
  TopicsOf,
  UserOf,
} from '../contract/infer.ts'
import type { Params, TopicOf } from '../contract/topic-types.ts'
import type { RookeryError } from '../protocol/errors.ts'
import type { Untyped } from '../protocol/protocol.ts'
import type { Session } from '../sessions/session.ts'

type TypedPublish<C> = <Topic extends string>(
  topic: Known<TopicsOf<C>, Topic>,
  ...payload: PayloadArgs<NoInfer<Published<C, Topic>>, [options?: PublishOptions]>
) => Promise<void>

/** Publishes a message on a topic. With a contract, it accepts the topics of the contract, with their payloads. */
export type Publish<C> =
  HasTopics<C> extends true
    ? TypedPublish<C>
    : (topic: string, payload?: unknown, options?: PublishOptions) => Promise<void>

/** For a topic that the compiler does not know, as in middleware, the code may be any string. */
type CodeOf<C, Topic extends string> =
  | CallErrorCode<C, Topic>
  | (string extends Topic ? string & Record<never, never> : never)

type TypedError<C, Topic extends string> = <Code extends CodeOf<C, Topic>>(
  code: Code,
  ...details: PayloadArgs<ErrorData<C, Code, Topic>, [message?: string]>
) => RookeryError

/** Creates an error of the application. With a contract, it accepts the errors of the call, with their data. */
type CreateError<C, Topic extends string> =
  HasCalls<C> extends true
    ? TypedError<C, Topic>
    : (code: string, data?: unknown, message?: string) => RookeryError

/** The first argument of a handler: the message and its sender. */
export interface Context<C = Untyped, Topic extends string = string, State extends object = object> {
  readonly topic: TopicOf<Topic>
  /** Segments of the topic, by their names in the handler's pattern: `handle('orders/:id/cancel', …)` has `params.id`. */
  readonly params: Params<Topic>
  /** The payload before validation. The handler's second argument is the validated payload. */
  readonly payload: unknown
  readonly session: Session
  /**
   * The session's user. `ctx.session.user` is the same, but null for an anonymous session.
   *
   * @throws `unauthenticated` if the session is anonymous
   */
  readonly user: UserOf<C>
  /** What middleware has passed to `next`, for this message. */
  readonly state: State
  /**
   * The room of the message: for a topic `rooms/<room>/...` that room, otherwise the only room of the session.
   * `ctx.session.rooms` has all its rooms.
   *
   * @throws `not_in_room` if the session is not in the room, or in none; `several_rooms` if the topic names no room and
   * the session is in several
   */
  readonly room: string
  /** Aborts when the handlers exceed their time, or when the session closes while they run. */
  readonly signal: AbortSignal
  /**
   * Publishes a message to clients and listeners, with the sender as its `actor`. See `app.publish`.
   *
   * @throws `invalid_topic`, `invalid_option`, `unserializable`, `invalid_output`, `history_unavailable`
   */
  readonly publish: Publish<C>
  /**
   * Like `publish`, but this session does not get the message. Listeners on the server do.
   *
   * @throws `invalid_topic`, `invalid_option`, `unserializable`, `invalid_output`, `history_unavailable`
   */
  readonly broadcast: Publish<C>
  /**
   * Creates an error of the application, to be thrown.
   *
   * @example throw ctx.error('too_fast', { waitMs: 500 })
   */
  readonly error: CreateError<C, Topic>
}
