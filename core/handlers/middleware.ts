import type { Untyped } from '../protocol/protocol.ts'
import type { Context } from './context.ts'
import type { GroupHandleOptions, Handle } from './handle.ts'

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
