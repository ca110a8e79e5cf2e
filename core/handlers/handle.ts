import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { CallName, CallPayload, CallResult, CallsOf, HasCalls, Known } from '../contract/infer.ts'
import type { Duration } from '../util/options.ts'
import type { Context } from './context.ts'

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
