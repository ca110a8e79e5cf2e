import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import { Readiness } from '../../core/app/readiness.ts'
import { Cluster } from '../../core/cluster/cluster.ts'
import { Store } from '../../core/cluster/store.ts'
import { SharedHistoryStore } from '../../core/history/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { Logger } from '../../core/util/logger.ts'
import { checkOptions, type OptionCheck, option } from '../../core/util/options.ts'
import { optionsOf } from './client-internals.ts'
import { NatsHistoryStore } from './history-store.ts'
import { NatsCluster } from './nats-cluster.ts'
import { NatsStore } from './nats-store.ts'

/** Longest delay that a timer of Node takes. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Most characters of a prefix. Subjects and the names of JetStream buckets, which begin with it, have limits. */
const MAX_PREFIX_LENGTH = 100

const subjectPrefix: OptionCheck = (value) =>
  typeof value === 'string' && value.length <= MAX_PREFIX_LENGTH && /^[\w-]+(\.[\w-]+)*$/.test(value)
    ? undefined
    : `letters, digits, _ and -, in one or more parts with dots between them, such as 'rookery' or 'shop.live', of at most ${MAX_PREFIX_LENGTH} characters`

/** Options that are passed to the NATS client unchanged. */
const CLIENT_OPTIONS = {
  servers: option.either(option.string, option.list(option.string)),
  port: option.integer(1, 65535),
  name: option.string,
  user: option.string,
  pass: option.string,
  token: option.string,
  authenticator: option.either(option.function, option.list(option.function)),
  tls: option.object,
  timeout: option.integer(1, MAX_TIMER_MS),
  pingInterval: option.integer(1, MAX_TIMER_MS),
  maxPingOut: option.integer(1),
  reconnectTimeWait: option.integer(0, MAX_TIMER_MS),
  reconnectJitter: option.integer(0, MAX_TIMER_MS),
  reconnectJitterTLS: option.integer(0, MAX_TIMER_MS),
  reconnectDelayHandler: option.function,
  maxReconnectAttempts: option.integer(-1),
  noRandomize: option.boolean,
  ignoreClusterUpdates: option.boolean,
  inboxPrefix: subjectPrefix,
  resolve: option.boolean,
} satisfies Partial<Record<keyof NodeConnectionOptions, OptionCheck>>

type ClientOptions = { readonly [K in keyof typeof CLIENT_OPTIONS]?: NodeConnectionOptions[K] | undefined }

/**
 * The options of `nats()`. They include the options of the NATS client for servers, TLS, credentials and reconnecting,
 * with the same names. Unlike the client, `nats()` by default never stops reconnecting and pings every 2 s.
 */
export interface NatsOptions extends ClientOptions {
  /** Servers of one NATS cluster. @default '127.0.0.1:4222' */
  readonly servers?: string | string[] | undefined
  /** A connection of the application, which the application closes. Excludes the options of the NATS client. */
  readonly connection?: NatsConnection | undefined
  /**
   * The beginning of all subjects. Nodes with the same prefix are one cluster; apps that share a NATS need different
   * prefixes. At most 100 characters.
   *
   * @default 'rookery'
   */
  readonly prefix?: string | undefined
  /** Whether `app.start()` waits until NATS can be reached, instead of failing. @default false */
  readonly wait?: boolean | undefined
  /**
   * Whether `/readyz` answers 503 while this node has no connection to NATS. A NATS that is down is down for all nodes,
   * so a load balancer would have no node left, although each node still serves its own clients.
   *
   * @default false
   */
  readonly requiredForReady?: boolean | undefined
  /**
   * Most bytes that may wait until NATS has taken them. Past this limit messages to other nodes are dropped, counted
   * and logged.
   *
   * @default 16777216
   */
  readonly maxBuffered?: number | undefined
}

/** The connection notices a lost server within 6 s, as nodes notice a lost node, and never stops reconnecting. */
const CONNECTION_DEFAULTS: NodeConnectionOptions = {
  timeout: 5000,
  pingInterval: 2000,
  // The connection counts as lost when two pings are unanswered and the third is due.
  maxPingOut: 3,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 250,
  ignoreAuthErrorAbort: true,
}

const isConnection: OptionCheck = (value) => {
  const methods = ['publish', 'subscribe', 'flush', 'status', 'close', 'isClosed']
  return methods.every((name) => typeof (value as Record<string, unknown> | null)?.[name] === 'function')
    ? undefined
    : 'a connection of @nats-io/transport-node'
}

const checkNatsOptions = (options: NatsOptions): void => {
  checkOptions('nats()', options, {
    ...CLIENT_OPTIONS,
    connection: isConnection,
    prefix: subjectPrefix,
    wait: option.boolean,
    requiredForReady: option.boolean,
    maxBuffered: option.integer(1024),
  })
  if (options.servers !== undefined && options.port !== undefined) {
    throw new RookeryError('invalid_option', "nats(): give the ports in 'servers' and leave out 'port'")
  }
  if (!options.connection) return
  if (optionsOf(options.connection)?.noEcho) {
    throw new RookeryError(
      'invalid_option',
      "nats(): your own 'connection' must not have noEcho, because NATS may choose a listener of this node for a group",
    )
  }
  const conflicting = Object.keys(CLIENT_OPTIONS).find(
    (name) => options[name as keyof typeof CLIENT_OPTIONS] !== undefined,
  )
  if (conflicting !== undefined) {
    throw new RookeryError(
      'invalid_option',
      `nats(): your own 'connection' has its options already; leave out '${conflicting}'`,
    )
  }
}

/** Returns the options of the NATS client. */
const connectionOptions = (options: NatsOptions): NodeConnectionOptions => {
  const given = Object.keys(CLIENT_OPTIONS).filter(
    (name) => options[name as keyof typeof CLIENT_OPTIONS] !== undefined,
  )
  return Object.assign(
    {},
    CONNECTION_DEFAULTS,
    ...given.map((name) => ({ [name]: options[name as keyof typeof CLIENT_OPTIONS] })),
  )
}

/**
 * Joins several nodes into one app over NATS. A published message reaches the subscribers on every node, `app.send`
 * finds a user on any node, and a client may reconnect to another node. Without this plugin the app is one process.
 *
 * @throws `invalid_option`
 * @example createApp({ plugins: [http(), websocket(), nats({ servers: 'nats://localhost:4222' })] })
 */
export const nats = (options: NatsOptions = {}): Plugin => {
  checkNatsOptions(options)
  const { connection, prefix = 'rookery', wait = false, requiredForReady = false } = options
  const { maxBuffered = 16 * 1024 * 1024 } = options
  let cluster: NatsCluster | undefined
  return definePlugin({
    name: 'nats',
    setup(scope) {
      const settings = { connection, prefix, wait, maxBuffered, options: connectionOptions(options) }
      scope.provide(Cluster, () => (cluster = new NatsCluster(settings, scope.get(Logger))))
      scope.provide(Store, () => new NatsStore(() => cluster?.connection, prefix, scope.get(Logger)))
      scope.provide(SharedHistoryStore, () => () => new NatsHistoryStore(() => cluster, prefix))
      scope.get(Readiness).add('cluster', () => {
        const { connected } = scope.get(Cluster)
        return { ready: connected || !requiredForReady, status: connected ? 'connected' : 'disconnected' }
      })
    },
  })
}
