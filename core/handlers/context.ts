import type { StandardSchemaV1 } from '@standard-schema/spec'
import type {
  CallErrorCode,
  CallName,
  CallPayload,
  CallResult,
  CallsOf,
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
import type { Duration } from '../util/options.ts'

type TypedPublish<C> = <Topic extends string>(
  topic: Known<TopicsOf<C>, Topic>,
  ...payload: PayloadArgs<NoInfer<Published<C, Topic>>>
) => Promise<void>

/** Publishes a message on a topic. With a contract, it accepts the topics of the contract, with their payloads. */
export type Publish<C> =
  HasTopics<C> extends true ? TypedPublish<C> : (topic: string, payload?: unknown) => Promise<void>

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
   * @throws `invalid_topic`, `unserializable`, `invalid_output`
   */
  readonly publish: Publish<C>
  /**
   * Like `publish`, but this session does not get the message. Listeners on the server do.
   *
   * @throws `invalid_topic`, `unserializable`, `invalid_output`
   */
  readonly broadcast: Publish<C>
  /**
   * Creates an error of the application, to be thrown.
   *
   * @example throw ctx.error('too_fast', { waitMs: 500 })
   */
  readonly error: CreateError<C, Topic>
}

/**
 * Handles a message. The result is the payload of the reply. A thrown error becomes the error of the reply:
 * `internal` if it has no public code.
 */
export type Handler<P = unknown> = (ctx: Context, payload: P) => unknown

/** `limit` messages at once, and on average as many in each `window`: a token bucket. */
export interface HandlerRate {
  readonly limit: number
  readonly window: Duration
}

/** Options of the handlers of a group. */
export interface GroupHandleOptions {
  /**
   * How many messages of one session the handler accepts. A further one is `rate_limited`. Handlers of one group that state
   * no rate share the rate of the group.
   */
  readonly rate?: HandlerRate | undefined
  /**
   * Time for the handler. Handlers that share a topic have the longest of their times.
   *
   * @default `handlerTimeout` of the app, or `timeout` of the group
   */
  readonly timeout?: Duration | undefined
}

export interface HandleOptions<S extends StandardSchemaV1 = StandardSchemaV1> extends GroupHandleOptions {
  /** Validates the payload. Without it, the schema of the contract does, if the contract has the topic. */
  readonly schema?: S | undefined
  /**
   * Whether the handler may share its topic or pattern with other handlers. All of them run, at the same time. Without it, the
   * second handler of a topic is refused.
   *
   * @default false
   */
  readonly also?: boolean | undefined
  /**
   * Whether the handler must be in the contract if the app is `strict`. For handlers of plugins.
   *
   * @default true
   */
  readonly strict?: boolean | undefined
}

interface UntypedHandle<C, State extends object> {
  <S extends StandardSchemaV1, const Topic extends string>(
    topic: Topic,
    schema: S,
    handler: (ctx: Context<C, Topic, State>, payload: StandardSchemaV1.InferOutput<S>) => unknown,
  ): () => void
  <const Topic extends string, S extends StandardSchemaV1 = StandardSchemaV1>(
    topic: Topic,
    options: HandleOptions<S>,
    handler: (ctx: Context<C, Topic, State>, payload: StandardSchemaV1.InferOutput<S>) => unknown,
  ): () => void
  <const Topic extends string>(
    topic: Topic,
    handler: (ctx: Context<C, Topic, State>, payload: unknown) => unknown,
  ): () => void
}

type TypedHandler<C, Topic extends string, State extends object> = (
  ctx: Context<C, Topic, State>,
  payload: CallPayload<C, Topic>,
) => CallResult<C, Topic> | Promise<CallResult<C, Topic>>

interface TypedHandle<C, State extends object> {
  <Topic extends CallName<C>>(
    topic: Known<CallsOf<C>, Topic>,
    handler: NoInfer<TypedHandler<C, Topic, State>>,
  ): () => void
  <Topic extends CallName<C>>(
    topic: Known<CallsOf<C>, Topic>,
    options: Omit<HandleOptions, 'schema'>,
    handler: NoInfer<TypedHandler<C, Topic, State>>,
  ): () => void
}

/** Adds a handler. With a contract, it accepts the calls of the contract, with their payloads and results. */
export type Handle<C, State extends object = object> =
  HasCalls<C> extends true ? TypedHandle<C, State> : UntypedHandle<C, State>

/**
 * Runs the rest: later middleware, then the handlers. Adds the fields to `ctx.state`. Resolves with the payload of the reply.
 */
export type Next<Adds extends object = object> = (
  ...state: Record<never, never> extends Adds ? [state?: Adds] : [state: Adds]
) => Promise<unknown>

/** Wraps the handlers of a message. The result is the payload of the reply. */
export type Middleware<Adds extends object = object, C = Untyped, Needs extends object = object> = (
  ctx: Context<C, string, Needs>,
  next: Next<Adds>,
) => unknown

// biome-ignore lint/suspicious/noExplicitAny: matches every middleware; `Middleware<object>` does not
export type AnyMiddleware = Middleware<any, any, any>

/** What middleware adds. For a function in the list itself this is `any`, so it adds nothing. */
type AddsOf<M> =
  M extends Middleware<infer Adds, infer _C, infer _Needs> ? (0 extends 1 & Adds ? object : Adds) : object

/** What a list of middleware adds to `ctx.state`. */
export type StateOf<Use extends readonly AnyMiddleware[]> = Use extends readonly [
  infer First,
  ...infer Rest extends readonly AnyMiddleware[],
]
  ? AddsOf<First> & StateOf<Rest>
  : object

/** Refuses a list with middleware that needs state which neither the group has nor earlier middleware adds. */
export type Ordered<Use extends readonly AnyMiddleware[], State> =
  Use extends InOrder<Use, State> ? unknown : { readonly use: InOrder<Use, State> }

type InOrder<Use extends readonly AnyMiddleware[], State> = Use extends readonly [
  infer First,
  ...infer Rest extends readonly AnyMiddleware[],
]
  ? First extends Middleware<infer _Adds, infer _C, infer Needs>
    ? readonly [
        State extends Needs ? First : Middleware<object, Untyped, State & object>,
        ...InOrder<Rest, State & AddsOf<First>>,
      ]
    : Use
  : Use

export interface GroupOptions<Use extends readonly AnyMiddleware[]> extends GroupHandleOptions {
  /** Middleware around the handlers of the group, in this order, after the middleware of `app.use`. @default [] */
  readonly use?: readonly [...Use] | undefined
}

/** Handlers with common middleware and options. */
export interface HandlerGroup<C, State extends object> {
  /** Adds a handler to the group. See `app.handle`. */
  readonly handle: Handle<C, State>
  /** Creates a group within the group: its middleware runs after that of this group. */
  group<const Use extends readonly AnyMiddleware[]>(
    options: GroupOptions<Use> & Ordered<Use, State>,
  ): HandlerGroup<C, State & StateOf<Use>>
}

/**
 * Types middleware that adds fields to `ctx.state`, for `app.group`. Returns it.
 *
 * @example
 * const withAccount = defineMiddleware<{ account: Account }>(async (ctx, next) =>
 *   next({ account: await accounts.get(ctx.user.id) }))
 */
export const defineMiddleware = <Adds extends object = object, C = Untyped, Needs extends object = object>(
  middleware: Middleware<Adds, C, Needs>,
): Middleware<Adds, C, Needs> => middleware
