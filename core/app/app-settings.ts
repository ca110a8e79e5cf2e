import type { BusOptions } from '../bus/listener.ts'
import type { Contract } from '../contract/contract.ts'
import { indexOf } from '../contract/index-key.ts'
import { ContractRules } from '../handlers/contract-rules.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Limits } from '../sessions/limits.ts'
import { isLogger, isLogLevel, type Logger, type LogLevel } from '../util/logger.ts'
import { checkOptions, type Duration, milliseconds, type OptionCheck, option } from '../util/options.ts'
import type { AppOptions, LimitOptions } from './app-options.ts'
import type { Plugin } from './plugin.ts'

/** Options with their defaults, durations in milliseconds. */
export interface AppSettings {
  readonly plugins: readonly Plugin[]
  readonly logger: Logger | LogLevel
  readonly limits: Limits
  readonly handlerTimeout: number
  readonly startTimeout: number
  readonly stopTimeout: number
  readonly drainDelay: number
  readonly reconnectSpread: number
  readonly contract: ContractRules
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
const readContract = (options: AppOptions<unknown>): ContractRules => {
  const { contract, strict = false, validateOutput, publicUserFields } = options
  const index = indexOf(contract)
  const without = strict ? 'strict' : validateOutput !== undefined ? 'validateOutput' : undefined
  if (!index && without) {
    throw new RookeryError('invalid_option', `createApp(): option '${without}' needs the option 'contract'`)
  }
  if (index?.user && publicUserFields) {
    throw new RookeryError(
      'invalid_option',
      "createApp(): leave out 'publicUserFields': the schema 'user' of the contract says what clients get of a user",
    )
  }
  return new ContractRules(contract as Contract | undefined, index, {
    strict,
    validateOutput: validateOutput ?? process.env.NODE_ENV !== 'production',
  })
}

/** @throws `invalid_option` */
export const readAppOptions = (options: AppOptions<unknown>): AppSettings => {
  checkOptions('createApp()', options, {
    plugins: option.list(isPlugin),
    logger: (value) =>
      isLogger(value) || isLogLevel(value)
        ? undefined
        : "a logger with debug, info, warn and error, or one of 'debug', 'info', 'warn', 'error', 'silent'",
    limits: option.object,
    slowConsumer: option.oneOf('disconnect', 'drop', 'resume'),
    pingInterval: option.duration(),
    pingTimeout: option.duration(),
    handshakeTimeout: option.duration(),
    handlerTimeout: option.duration(),
    startTimeout: option.duration(),
    stopTimeout: option.duration(),
    drainDelay: option.duration(0),
    reconnectSpread: option.duration(0),
    contract: (value) => (indexOf(value) ? undefined : 'a contract that defineContract() has made'),
    strict: option.boolean,
    validateOutput: option.boolean,
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
    reconnectSpread: time(options.reconnectSpread, 5000),
    contract: readContract(options),
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
