import type { BusOptions } from '../bus/listener.ts'
import type { Untyped } from '../protocol/protocol.ts'
import type { Logger, LogLevel } from '../util/logger.ts'
import type { Duration } from '../util/options.ts'
import type { Plugin } from './plugin.ts'

/** Limits of every session, whatever its transport. */
export interface LimitOptions {
  /** Largest frame of a client, in bytes. @default 65536 */
  readonly maxPayload?: number | undefined
  /** Patterns that a client may subscribe to at a time. @default 128 */
  readonly maxSubscriptions?: number | undefined
  /** Frames per second that a client may send. Frames beyond are refused with `rate_limited`. @default 100 */
  readonly messageRate?: number | undefined
  /** Frames that a client may send at once. After as many refused frames the client is disconnected. @default 200 */
  readonly messageBurst?: number | undefined
  /** Bytes that may be buffered for a client that does not read. @default 1048576 */
  readonly maxBuffered?: number | undefined
  /** Bytes per second that a client may send. Frames beyond are refused with `rate_limited`. @default 1048576 */
  readonly byteRate?: number | undefined
  /**
   * Bytes that a client may send at once. After as many refused bytes the client is disconnected. At
   * least `maxPayload`. @default 4194304, or `maxPayload` if that is more
   */
  readonly byteBurst?: number | undefined
  /** Levels of nested arrays and objects that a frame may have. @default 64 */
  readonly maxDepth?: number | undefined
  /** Arrays, objects and fields that a frame may have. Each takes 0.1 to 0.3 us to parse. @default 4096 */
  readonly maxNodes?: number | undefined
  /** Connections of this node. Further ones are refused with `too_many_connections`. @default 50000 */
  readonly maxConnections?: number | undefined
  /** Connections from one network address. Behind a proxy, set `trustProxy` of `http()`. @default 10000 */
  readonly maxConnectionsPerAddress?: number | undefined
  /** Connections of one user to this node. @default 100 */
  readonly maxConnectionsPerUser?: number | undefined
  /** Handshakes that may be under way at a time. @default 5000 */
  readonly maxHandshakes?: number | undefined
  /**
   * Handshakes per second from one network address. Handshakes beyond wait for about 500 ms, then they are refused
   * with `rate_limited`.
   *
   * @default 200
   */
  readonly handshakeRate?: number | undefined
  /** Handshakes from one network address at once. @default 1000 */
  readonly handshakeBurst?: number | undefined
}

export interface AppOptions<C = Untyped> {
  /**
   * The topics and calls of the app, from `defineContract`. It types and validates handlers and messages. The payloads of
   * clients are always validated.
   */
  readonly contract?: C | undefined
  /**
   * Whether to refuse what is not in the contract: handlers, `publish` and `send` of other topics, and subscriptions of
   * clients to them.
   *
   * @default false
   */
  readonly strict?: boolean | undefined
  /**
   * Whether to validate the results of handlers, and the payloads of `publish` and `send`.
   *
   * @default true, but false with `NODE_ENV=production`
   */
  readonly validateOutput?: boolean | undefined
  /** Plugins, in any order. @default [] */
  readonly plugins?: readonly Plugin[] | undefined
  /** A logger with pino's methods, or the least severe level that is written to the console. @default 'info' */
  readonly logger?: Logger | LogLevel | undefined
  readonly limits?: LimitOptions | undefined
  /**
   * What happens to a client that does not read: `disconnect` it (it reconnects), `drop` messages for it, or `resume`: the
   * server reads the kept messages from the history again when the client has read. `drop` drops neither replies nor kept
   * messages. With `resume`, a client that does not read its other messages is disconnected, too. A client for which twice
   * `maxBuffered` waits is disconnected in any case.
   *
   * @default 'disconnect'
   */
  readonly slowConsumer?: 'disconnect' | 'drop' | 'resume' | undefined
  /** Time between two pings. @default '25s' */
  readonly pingInterval?: Duration | undefined
  /** Time to answer a ping before the connection counts as dead. @default '10s' */
  readonly pingTimeout?: Duration | undefined
  /** Time from connecting to `welcome`. @default '10s' */
  readonly handshakeTimeout?: Duration | undefined
  /** Time for the handlers of a message. @default '10s' */
  readonly handlerTimeout?: Duration | undefined
  /** Time for each plugin and each transport to start, and for each plugin to listen. @default '10s' */
  readonly startTimeout?: Duration | undefined
  /** Time for the work under way to end, and then for each plugin and each transport to stop. @default '10s' */
  readonly stopTimeout?: Duration | undefined
  /**
   * Time from `stop()` until the app refuses connections. `/readyz` answers 503 at once, so that load balancers
   * notice while the app still serves. @default 0
   */
  readonly drainDelay?: Duration | undefined
  /**
   * Time over which the clients come back when the app stops. Each client is told to come back at a random moment
   * within this time, so that the other nodes do not get all clients at once. @default '5s'
   */
  readonly reconnectSpread?: Duration | undefined
  /**
   * Fields of a user that its own client may see, besides `id` and `name`: in `welcome` and as `client.user`. The server
   * keeps the whole user, as `session.user` and `ctx.user`.
   *
   * @default []
   * @example createApp({ publicUserFields: ['role', 'avatar'] })
   */
  readonly publicUserFields?: readonly string[] | undefined
  /**
   * Says that clients without a user may subscribe and send to every topic. Without it, an app with neither `auth()` nor an
   * authorizer logs a warning when it starts, and an error with `NODE_ENV=production`.
   *
   * @default false
   */
  readonly allowAnonymous?: boolean | undefined
  readonly bus?: BusOptions | undefined
}
