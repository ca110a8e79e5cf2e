import type { BusOptions } from '../bus/listener.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Limits } from '../sessions/limits.ts'
import { isLogger, isLogLevel, type Logger, type LogLevel } from '../util/logger.ts'
import { checkOptions, type Duration, milliseconds, type OptionCheck, option } from '../util/options.ts'
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

export interface AppOptions {
  /** Plugins, in any order. @default [] */
  readonly plugins?: readonly Plugin[] | undefined
  /** A logger with pino's methods, or the least severe level that is written to the console. @default 'info' */
  readonly logger?: Logger | LogLevel | undefined
  readonly limits?: LimitOptions | undefined
  /**
   * What happens to a client that does not read: `disconnect` it (it reconnects), or `drop` messages for it. Replies
   * and messages with a place in the history are not dropped. A client for which twice `maxBuffered` waits is
   * disconnected in any case.
   * @default 'disconnect'
   */
  readonly slowConsumer?: 'disconnect' | 'drop' | undefined
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

/** Options with their defaults, durations in milliseconds. */
export interface AppSettings {
  readonly plugins: readonly Plugin[]
  readonly logger: Logger | LogLevel
  readonly limits: Limits
  readonly handlerTimeout: number
  readonly startTimeout: number
  readonly stopTimeout: number
  readonly drainDelay: number
  readonly publicUserFields: readonly string[]
  readonly allowAnonymous: boolean
  readonly bus: BusOptions
}

const DEFAULT_LIMITS = {
  maxPayload: 64 * 1024,
  maxSubscriptions: 128,
  messageRate: 100,
  messageBurst: 200,
  maxBuffered: 1024 * 1024,
  byteRate: 1024 * 1024,
  byteBurst: 4 * 1024 * 1024,
  maxDepth: 64,
  maxNodes: 4096,
  maxConnections: 50_000,
  maxConnectionsPerAddress: 10_000,
  maxConnectionsPerUser: 100,
  maxHandshakes: 5000,
  handshakeRate: 200,
  handshakeBurst: 1000,
} satisfies Required<LimitOptions>

const isPlugin: OptionCheck = (value) => {
  const { name, setup, start, listen, stop, requires } = (value ?? {}) as Record<string, unknown>
  const hooks = [setup, start, listen, stop].every((hook) => hook === undefined || typeof hook === 'function')
  const named = typeof name === 'string' && name !== ''
  return typeof value === 'object' && named && hooks && (requires === undefined || Array.isArray(requires))
    ? undefined
    : 'a plugin, such as http() returns (did you forget to call it?)'
}

/** @throws `invalid_option` */
export const readAppOptions = (options: AppOptions): AppSettings => {
  checkOptions('createApp()', options, {
    plugins: option.list(isPlugin),
    logger: (value) =>
      isLogger(value) || isLogLevel(value)
        ? undefined
        : "a logger with debug, info, warn and error, or one of 'debug', 'info', 'warn', 'error', 'silent'",
    limits: option.object,
    slowConsumer: option.oneOf('disconnect', 'drop'),
    pingInterval: option.duration(),
    pingTimeout: option.duration(),
    handshakeTimeout: option.duration(),
    handlerTimeout: option.duration(),
    startTimeout: option.duration(),
    stopTimeout: option.duration(),
    drainDelay: option.duration(0),
    publicUserFields: option.list(option.string),
    allowAnonymous: option.boolean,
    bus: option.object,
  })
  const { limits = {}, bus = {} } = options
  checkOptions('createApp() limits', limits, {
    maxPayload: option.integer(1, 512 * 1024 * 1024),
    maxSubscriptions: option.integer(0),
    messageRate: option.integer(1),
    messageBurst: option.integer(1),
    maxBuffered: option.integer(1),
    byteRate: option.integer(1),
    byteBurst: option.integer(1),
    maxDepth: option.integer(1),
    maxNodes: option.integer(8),
    maxConnections: option.integer(0),
    maxConnectionsPerAddress: option.integer(0),
    maxConnectionsPerUser: option.integer(0),
    maxHandshakes: option.integer(1),
    handshakeRate: option.integer(1),
    handshakeBurst: option.integer(1),
  })
  checkOptions('createApp() bus', bus, { listenerTimeout: option.duration(), maxPending: option.integer(1) })
  const time = (duration: Duration | undefined, byDefault: number) => milliseconds(duration ?? byDefault)
  return {
    plugins: options.plugins ?? [],
    logger: options.logger ?? 'info',
    limits: {
      ...readLimits(limits),
      slowConsumer: options.slowConsumer ?? 'disconnect',
      pingInterval: time(options.pingInterval, 25_000),
      pingTimeout: time(options.pingTimeout, 10_000),
      handshakeTimeout: time(options.handshakeTimeout, 10_000),
    },
    handlerTimeout: time(options.handlerTimeout, 10_000),
    startTimeout: time(options.startTimeout, 10_000),
    stopTimeout: time(options.stopTimeout, 10_000),
    drainDelay: time(options.drainDelay, 0),
    publicUserFields: [...(options.publicUserFields ?? [])],
    allowAnonymous: options.allowAnonymous ?? false,
    bus,
  }
}

/** Applies the defaults of the limits. @throws `invalid_option` if two limits contradict each other */
const readLimits = (limits: LimitOptions): Required<{ [Name in keyof LimitOptions]: number }> => {
  // An option with the value undefined counts as absent.
  const given = Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== undefined))
  const values = { ...DEFAULT_LIMITS, ...given }
  if (given.byteBurst === undefined) values.byteBurst = Math.max(values.byteBurst, values.maxPayload)
  if (values.byteBurst < values.maxPayload) {
    throw new RookeryError(
      'invalid_option',
      `createApp() limits: option 'byteBurst' must be at least maxPayload, ${values.maxPayload}, not ${values.byteBurst}: ` +
        'otherwise the largest frames are always refused',
    )
  }
  return values
}
