import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import { Readiness } from '../../core/app/readiness.ts'
import { Cluster } from '../../core/cluster/cluster.ts'
import { Store } from '../../core/cluster/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { Logger } from '../../core/util/logger.ts'
import { checkOptions, type OptionCheck, option } from '../../core/util/options.ts'
import { optionsOf } from './managed-connection.ts'
import { NatsCluster } from './nats-cluster.ts'
import { NatsStore } from './nats-store.ts'

/** Longest delay that timers take, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1

/** What a subject may begin with. */
const subjectStart: OptionCheck = (value) =>
  typeof value === 'string' && /^[\w-]+(\.[\w-]+)*$/.test(value)
    ? undefined
    : "letters, digits, _ and -, in one or more parts with dots between them, such as 'rookery' or 'shop.live'"

/** Options that go to the NATS client as they are. */
const PASSED = {
  servers: option.either(option.string, option.list(option.string)),
  port: option.integer(1, 65535),
  name: option.string,
  user: option.string,
  pass: option.string,
  token: option.string,
  authenticator: option.either(option.function, option.list(option.function)),
  tls: option.object,
  timeout: option.integer(1, MAX_DELAY),
  pingInterval: option.integer(1, MAX_DELAY),
  maxPingOut: option.integer(1),
  reconnectTimeWait: option.integer(0, MAX_DELAY),
  reconnectJitter: option.integer(0, MAX_DELAY),
  reconnectJitterTLS: option.integer(0, MAX_DELAY),
  reconnectDelayHandler: option.function,
  maxReconnectAttempts: option.integer(-1),
  noRandomize: option.boolean,
  ignoreClusterUpdates: option.boolean,
  inboxPrefix: subjectStart,
  resolve: option.boolean,
} satisfies Partial<Record<keyof NodeConnectionOptions, OptionCheck>>

type Passed = { readonly [K in keyof typeof PASSED]?: NodeConnectionOptions[K] | undefined }

/**
 * Besides what is listed here: the options of the NATS client for servers, TLS, credentials and reconnecting, under
 * their own names. Unlike there, it reconnects for as long as it takes and looks after the connection every 2 s.
 */
export interface NatsOptions extends Passed {
  /** Servers of one NATS cluster. @default '127.0.0.1:4222' */
  readonly servers?: string | string[] | undefined
  /** A connection of the user's own, which is theirs to close. Excludes the options of a connection. */
  readonly connection?: NatsConnection | undefined
  /**
   * What the subjects begin with. Nodes with the same one are one cluster: apps that share a NATS need different ones.
   * @default 'rookery'
   */
  readonly prefix?: string | undefined
  /** Whether `app.start()` waits for a NATS that is not there yet, instead of failing. @default false */
  readonly wait?: boolean | undefined
  /**
   * Whether `/readyz` answers 503 while NATS is away. NATS away is away for all nodes: a balancer would be left without any,
   * though each node still serves its own clients. @default false
   */
  readonly requiredForReady?: boolean | undefined
  /**
   * Bytes that may wait for NATS to take them; past it messages to other nodes are dropped, counted and logged.
   * @default 16777216
   */
  readonly maxBuffered?: number | undefined
}

/** The connection's defaults: a lost server is noticed in seconds, as lost nodes are, and never given up. */
const DEFAULTS: NodeConnectionOptions = {
  timeout: 5000,
  pingInterval: 2000,
  // Two without an answer, when it is time for the third.
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
    ...PASSED,
    connection: isConnection,
    prefix: subjectStart,
    wait: option.boolean,
    requiredForReady: option.boolean,
    maxBuffered: option.integer(1024),
  })
  if (options.servers !== undefined && options.port !== undefined) {
    throw new RookeryError('invalid_option', "nats(): 'servers' name their ports; leave out 'port'")
  }
  if (!options.connection) return
  if (optionsOf(options.connection)?.noEcho) {
    throw new RookeryError(
      'invalid_option',
      "nats(): your own 'connection' must not have noEcho: of a group of listeners NATS may choose this node's",
    )
  }
  const both = Object.keys(PASSED).find((name) => options[name as keyof typeof PASSED] !== undefined)
  if (both !== undefined) {
    throw new RookeryError(
      'invalid_option',
      `nats(): your own 'connection' has its options; leave out '${both}'`,
    )
  }
}

/** Those of the options that are for the NATS client. */
const connectionOptions = (options: NatsOptions): NodeConnectionOptions => {
  const passed = Object.keys(PASSED).filter((name) => options[name as keyof typeof PASSED] !== undefined)
  return Object.assign(
    {},
    DEFAULTS,
    ...passed.map((name) => ({ [name]: options[name as keyof typeof PASSED] })),
  )
}

/**
 * Several nodes act as one app, over NATS: what one publishes reaches the subscribers of all, users are found on
 * whichever node they are, and no node has to be the same twice. Leave it out, and the app is one process.
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
      scope.get(Readiness).add('cluster', () => {
        const { connected } = scope.get(Cluster)
        return { ready: connected || !requiredForReady, status: connected ? 'connected' : 'disconnected' }
      })
    },
  })
}
