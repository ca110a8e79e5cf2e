import type { BusOptions } from '../bus/bus-contract.ts'
import type { Limits } from '../sessions/limits.ts'
import { isLogger, isLogLevel, type Logger, type LogLevel } from '../util/logger.ts'
import { checkOptions, type Duration, milliseconds, type OptionCheck, option } from '../util/options.ts'
import type { Plugin } from './plugin.ts'

/** Limits of every session, whatever its transport. */
export interface LimitOptions {
  /** Largest frame from a client, in bytes. @default 65536 */
  readonly maxPayload?: number | undefined
  /** Most patterns that a client may subscribe to at a time. @default 128 */
  readonly maxSubscriptions?: number | undefined
  /** Frames a second that a client may send; past it they are refused `rate_limited`. @default 100 */
  readonly messageRate?: number | undefined
  /** Frames that a client may send at once, and refused ones after which it is disconnected. @default 200 */
  readonly messageBurst?: number | undefined
  /** Bytes that may wait for a client that does not read. @default 1048576 */
  readonly maxBuffered?: number | undefined
  /** Bytes a second that a client may send, and at once; as with frames. @default 1048576 and 4194304 */
  readonly byteRate?: number | undefined
  readonly byteBurst?: number | undefined
  /** Most levels of arrays and objects in each other in a frame. @default 64 */
  readonly maxDepth?: number | undefined
  /** Most arrays, objects and fields in a frame, each of which takes 0.1 to 0.3 us to parse. @default 4096 */
  readonly maxNodes?: number | undefined
  /** Most connections of this node. @default 50000 */
  readonly maxConnections?: number | undefined
  /** Most connections from one network address; set `trustProxy` of `http()` behind a proxy. @default 10000 */
  readonly maxConnectionsPerAddress?: number | undefined
  /** Most connections of one user to this node. @default 100 */
  readonly maxConnectionsPerUser?: number | undefined
  /** Most peers at a time that have connected and not been welcomed yet. @default 5000 */
  readonly maxHandshakes?: number | undefined
  /**
   * Handshakes a second from one network address, and at once: more of them wait, each for about half a second.
   * @default 200 and 1000
   */
  readonly handshakeRate?: number | undefined
  readonly handshakeBurst?: number | undefined
}

export interface AppOptions {
  /** Plugins, in any order. @default [] */
  readonly plugins?: readonly Plugin[] | undefined
  /** Where to log: a pino-like logger, or the least severe level that goes to the console. @default 'info' */
  readonly logger?: Logger | LogLevel | undefined
  readonly limits?: LimitOptions | undefined
  /**
   * What happens to a client that does not read: `disconnect` (it reconnects), or `drop` messages of topics
   * without history. @default 'disconnect'
   */
  readonly slowConsumer?: 'disconnect' | 'drop' | undefined
  /** Time between two pings. @default '25s' */
  readonly pingInterval?: Duration | undefined
  /** Time to answer a ping before the connection counts as dead. @default '10s' */
  readonly pingTimeout?: Duration | undefined
  /** Time for everything from connecting to `welcome`. @default '10s' */
  readonly handshakeTimeout?: Duration | undefined
  /** Time that the handlers of a message have. @default '10s' */
  readonly handlerTimeout?: Duration | undefined
  /** Time that each plugin has to start. @default '10s' */
  readonly startTimeout?: Duration | undefined
  /** Time that running handlers, and then each plugin, have to stop. @default '10s' */
  readonly stopTimeout?: Duration | undefined
  /**
   * Time from `stop()` until the app takes no more connections: `/readyz` says 503 at once, and load balancers get this time to
   * notice while everything is still served. @default 0
   */
  readonly drainDelay?: Duration | undefined
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
      ...DEFAULT_LIMITS,
      // What is there and undefined counts as absent.
      ...Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== undefined)),
      slowConsumer: options.slowConsumer ?? 'disconnect',
      pingInterval: time(options.pingInterval, 25_000),
      pingTimeout: time(options.pingTimeout, 10_000),
      handshakeTimeout: time(options.handshakeTimeout, 10_000),
    },
    handlerTimeout: time(options.handlerTimeout, 10_000),
    startTimeout: time(options.startTimeout, 10_000),
    stopTimeout: time(options.stopTimeout, 10_000),
    drainDelay: time(options.drainDelay, 0),
    bus,
  }
}
