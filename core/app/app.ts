import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Bus } from '../bus/bus.ts'
import type { EventInit } from '../bus/event.ts'
import type { Nodes } from '../cluster/nodes.ts'
import type { Target } from '../cluster/target.ts'
import type { Context, Handler, Middleware } from '../handlers/context.ts'
import type { Untyped } from '../protocol/protocol.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { createToken } from '../util/token.ts'
import type { Scope } from './scope.ts'

/** Where an app is in its life. Only a `started` app takes connections. */
export type AppState = 'created' | 'starting' | 'started' | 'stopping' | 'stopped'

/** What is in use; all zero once every client has gone. */
export interface Usage {
  readonly sessions: number
  /** Patterns that sessions subscribe to. */
  readonly patterns: number
  /** Trie nodes that hold them. */
  readonly nodes: number
}

/** An app: its handlers, its bus, its sessions, and the plugins around them. */
export interface App<C = Untyped> {
  /** Never set: carries the type. */
  readonly '~contract'?: C
  readonly state: AppState
  readonly usage: Usage
  /** How many connections, frames and sessions were refused or closed since the start, by error code. */
  readonly refusals: Readonly<Record<string, number>>
  /** In-process events, which clients see nothing of unless an event says so. */
  readonly bus: Bus
  /** This node's sessions. */
  readonly sessions: Sessions
  /** The nodes that act as one app. */
  readonly cluster: Nodes
  /** What plugins provide, by token. */
  readonly scope: Scope
  /**
   * Handles what clients send to a topic (or to all topics of a pattern). The schema is any validator of the
   * Standard Schema kind: zod, valibot, arktype. Several handlers of a topic run side by side.
   *
   * @returns how to remove the handler
   * @throws `invalid_pattern`, `reserved_topic`, `invalid_option`
   * @example app.handle('chat/send', z.object({ text: z.string() }), (ctx, { text }) => ({ sent: true }))
   */
  handle<S extends StandardSchemaV1>(
    topic: string,
    schema: S,
    handler: (ctx: Context, payload: StandardSchemaV1.InferOutput<S>) => unknown,
  ): () => void
  handle(topic: string, handler: Handler): () => void
  /**
   * Wraps the handlers of every topic, or of those that match a pattern. Middleware runs in the order added,
   * before the payload is validated.
   *
   * @returns how to remove the middleware
   * @example app.use('admin/*', (ctx, next) => { if (ctx.user.role !== 'admin') throw new RookeryError('forbidden'); return next() })
   */
  use(middleware: Middleware): () => void
  use(pattern: string, middleware: Middleware): () => void
  /**
   * Publishes a message to the clients and listeners that subscribe to the topic, on every node. Resolves
   * when the message has been accepted, not when it has been received. Bad input throws at once, so that a
   * call that nobody awaits cannot fail unseen.
   *
   * @throws `invalid_topic`, `unserializable`
   */
  publish(topic: string, payload?: unknown): Promise<void>
  publish(event: EventInit): Promise<void>
  /**
   * Sends a message to all sessions of a user, a room or a session id, whichever nodes they are on, whether
   * they subscribe to the topic or not. Resolves with how many sessions took it.
   *
   * @throws `not_connected` when nobody did; when nobody is here, `cluster_unavailable` when other nodes cannot be
   * asked and `node_unreachable` when one does not answer; `invalid_topic`, `unserializable`
   */
  send(target: Target, topic: string, payload?: unknown): Promise<number>
  /**
   * Starts the plugins, then the transports; resolves with the app when it serves. When something fails,
   * what had started is stopped again.
   *
   * @throws `plugin_failed`, `plugin_timeout`, `cluster_unavailable`, `app_stopped`
   */
  start(): Promise<this>
  /**
   * Stops gracefully: takes no new connections, lets running handlers finish, tells every client to come back
   * later, then closes everything, last started first. Idempotent; never rejects.
   */
  stop(): Promise<void>
}

/** The app, for plugins. */
export const AppToken = createToken<App>('App')
