import type { EventInit } from '../bus/event.ts'
import type { Nodes } from '../cluster/nodes.ts'
import type { Publish } from '../handlers/context.ts'
import type { Handle } from '../handlers/handle.ts'
import type {
  AnyMiddleware,
  GroupOptions,
  HandlerGroup,
  Middleware,
  Ordered,
  StateOf,
} from '../handlers/middleware.ts'
import type { History } from '../history/history.ts'
import type { Untyped } from '../protocol/protocol.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { createToken } from '../util/token.ts'
import type { ErrorHook } from './error-hook.ts'
import type { Scope } from './scope.ts'
import type { BusOf, Send } from './typed-app.ts'

/**
 * The state of an app. It accepts connections from the `listen` step of its start until `stop()` is called, or until
 * `drainDelay` after that.
 */
export type AppState = 'created' | 'starting' | 'started' | 'stopping' | 'stopped'

/** Resources in use, for leak checks. All are zero when no client is connected. */
export interface Usage {
  readonly sessions: number
  /** Patterns that sessions subscribe to. */
  readonly patterns: number
  /** Trie nodes that hold these patterns. */
  readonly nodes: number
}

/** An app: its handlers, its bus, its sessions and its plugins. */
export interface App<C = Untyped> {
  /** For the type checker only. Never set. */
  readonly '~contract'?: C
  readonly state: AppState
  readonly usage: Usage
  /**
   * Number of connections, frames and sessions that were refused or closed since the start, by error code. Codes of the
   * application count as `other`.
   */
  readonly refusals: Readonly<Record<string, number>>
  /** Events inside the server. Clients get only events that have a message for clients. */
  readonly bus: BusOf<C>
  /** This node's sessions. */
  readonly sessions: Sessions
  /** The nodes that together form the app. */
  readonly cluster: Nodes
  /** The messages that the app keeps. @throws `missing_provider` without `history()` */
  readonly history: History
  /** What plugins provide, by token. */
  readonly scope: Scope
  /**
   * Handles the messages that clients send to a topic, or to all topics of a pattern. The most specific pattern handles a
   * message. The schema is any validator that implements Standard Schema, such as zod, valibot or arktype.
   *
   * @returns a function that removes the handler
   * @throws `duplicate_handler` without `{ also: true }`; `invalid_pattern`, `reserved_topic`, `invalid_option`
   * @example app.handle('chat/send', z.object({ text: z.string() }), (ctx, { text }) => ({ sent: true }))
   */
  readonly handle: Handle<C>
  /**
   * Creates a group of handlers with common middleware, rate and timeout. What its middleware passes to `next` is in
   * `ctx.state`, with its types.
   *
   * @throws `invalid_option`
   * @example
   * const staff = app.group({ use: [requireStaff, withAccount], rate: { limit: 5, window: '10s' } })
   * staff.handle('orders/cancel', (ctx, { id }) => cancel(ctx.state.account, id))
   */
  group<const Use extends readonly AnyMiddleware[]>(
    options: GroupOptions<Use> & Ordered<Use, object>,
  ): HandlerGroup<C, StateOf<Use>>
  /**
   * Adds middleware around the handlers of all topics, or of the topics that match a pattern. Middleware runs in the
   * order in which it was added, before the payload is validated.
   *
   * @returns a function that removes the middleware
   * @throws `invalid_pattern`, `reserved_topic`, `invalid_option`
   * @example app.use('admin/*', (ctx, next) => { if (ctx.user.role !== 'admin') throw new RookeryError('forbidden'); return next() })
   */
  use(middleware: Middleware<object, C>): () => void
  use(pattern: string, middleware: Middleware<object, C>): () => void
  /**
   * Adds a hook that gets each error that the app logs, such as an internal error of a handler.
   * Returns a function that removes it.
   *
   * @throws `invalid_option`
   * @example app.onError(({ error, stage, topic, id }) => Sentry.captureException(error, { extra: { stage, topic, id } }))
   */
  onError(hook: ErrorHook): () => void
  /**
   * Publishes a message to the clients that subscribe to the topic, on every node, and to listeners of the bus.
   * Listeners of other nodes get it if their `source` is `all` or `cluster`. Resolves when the message has been
   * accepted, not when clients have received it. If `history()` keeps the topic, resolves when the message is stored. The
   * payload is encoded within the call: a later change has no effect.
   *
   * Never throws synchronously. A rejection that nobody handles is logged and goes to `onError`; it does not end
   * the process.
   *
   * @throws `invalid_topic`, `invalid_option`, `unserializable`, `invalid_output`; `history_unavailable` if the message was to be
   *   kept, and was not stored or that is unknown: publish it again with the same `id`
   * @example app.publish('rooms/42/messages', { text: 'hello' })
   * @example await app.publish('orders/7', order, { id: `paid-${order.id}` })
   */
  readonly publish: Publish<C> & ((event: EventInit) => Promise<void>)
  /**
   * Sends a message to all sessions of a user, of a room or of a session id, on every node, whether they subscribe to
   * the topic or not. Resolves with the number of sessions that took it, and whether the history keeps it. A rejection may be
   * ignored, as that of `publish`.
   *
   * @throws if no session took it, and it is not kept: `not_connected`, or `node_unreachable` if a node did not answer, or
   *   `cluster_unavailable` if the other nodes cannot be asked; `invalid_option` for an invalid target,
   *   `invalid_topic`, `unserializable`, `invalid_output`
   * @example const { sessions, kept } = await app.send({ user: '42' }, 'inbox/new', { count: 3 })
   */
  readonly send: Send<C>
  /**
   * Starts the cluster backend, the plugins, then the transports. Resolves with the app when it accepts connections.
   * If one of them fails, all that had been started are stopped again, including the one that failed.
   *
   * @throws `plugin_failed`, `plugin_timeout`, `cluster_unavailable`, `app_stopped`
   */
  start(): Promise<this>
  /**
   * Stops gracefully: waits for `drainDelay`, refuses new connections, tells every client when to reconnect, waits at most
   * `stopTimeout` for handlers, listeners, queued events and hooks, then stops the transports and plugins in reverse order.
   * During `start`, aborts it. Returns the same promise each time. Never rejects. A handler, listener or hook may await it:
   * the stop does not wait for that call.
   */
  stop(): Promise<void>
}

/** The app, for plugins. */
export const AppToken = createToken<App>('App')
