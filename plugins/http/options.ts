import type { Server } from 'node:http'
import type { Http2SecureServer, Http2Server } from 'node:http2'
import type { Server as HttpsServer } from 'node:https'
import { RookeryError } from '../../core/protocol/errors.ts'
import {
  checkOptions,
  type Duration,
  milliseconds,
  option,
  withoutEndSlash,
} from '../../core/util/options.ts'
import type { HealthPaths } from './health-checks.ts'
import type { FetchApp } from './hono-router.ts'
import { type AllowedOrigins, checkOrigins } from './origin-policy.ts'
import { checkTrustProxy, type TrustProxy } from './trusted-proxies.ts'

export interface HttpOptions {
  /** Port to listen on; 0 for any free port. @default 3000 */
  readonly port?: number | undefined
  /** Address to listen on. @default all addresses */
  readonly hostname?: string | undefined
  /** Your own routes: a Hono app, or any object with `fetch`. The routes of plugins come first. */
  readonly routes?: FetchApp | undefined
  /**
   * Origins whose pages may connect, in addition to the server's own: a list, `'*'`, or a function, which may return
   * a promise. Responses to them have CORS headers. @default only the server's own
   */
  readonly allowedOrigins?: AllowedOrigins | undefined
  /** Largest body of a request to `routes`, in bytes. @default 1048576 */
  readonly bodyLimit?: number | undefined
  /**
   * Proxies in front of the server whose `X-Forwarded-For`, `-Host` and `-Proto` the server trusts: `true` for every
   * peer, a number of proxies in a row, or a list of addresses, of networks such as `10.0.0.0/8`, and of `loopback`,
   * `linklocal` and `uniquelocal`. @default false
   */
  readonly trustProxy?: TrustProxy | undefined
  /**
   * Paths of the health checks: one path for the check that the process runs, or an object with both paths; false for
   * none.
   * @default `{ live: '/healthz', ready: '/readyz' }` on the built-in server, false on your own
   */
  readonly health?: string | HealthPaths | false | undefined
  /**
   * How long an idle connection stays open. A proxy in front must close its idle connections earlier. Otherwise it
   * sends requests on connections that the server has just closed, and answers 502. @default '72s', since nginx and
   * AWS use 60 s
   */
  readonly keepAliveTimeout?: Duration | undefined
  /**
   * Most requests a second from one network address other than the machine's own. Past it, the server answers with
   * 429 and closes the connection. @default 5000
   */
  readonly requestRate?: number | undefined
  /** Most requests at once from one network address. @default 2000 */
  readonly requestBurst?: number | undefined
  /**
   * Most TCP connections at a time, including connections without a request yet. The server drops further connections
   * at once.
   * @default `limits.maxConnections` of the app plus 10000
   */
  readonly maxSockets?: number | undefined
  /**
   * Your own server, of `node:http`, `node:https` or `node:http2` with `allowHTTP1`. You start and close it. The app
   * answers the paths of its transports and plugins. All other requests go to the server's other listeners, or to
   * `routes` if it has none. With false there is no server: you pass requests to the app through `NodeHandler`.
   * @default a built-in server
   */
  readonly server?: Server | HttpsServer | Http2Server | Http2SecureServer | false | undefined
}

/** The options with their defaults. Durations are in milliseconds. */
export interface HttpSettings {
  readonly port: number
  readonly hostname: string | undefined
  readonly routes: FetchApp | undefined
  readonly allowedOrigins: AllowedOrigins | undefined
  readonly bodyLimit: number
  readonly trustProxy: TrustProxy
  readonly health: HealthPaths
  readonly keepAliveTimeout: number
  readonly requestRate: number
  readonly requestBurst: number
  readonly maxSockets: number | undefined
  readonly server: Server | false | undefined
}

/** Options of the built-in server. */
const BUILT_IN_SERVER_OPTIONS = [
  'port',
  'hostname',
  'keepAliveTimeout',
  'requestRate',
  'requestBurst',
  'maxSockets',
] as const

const DEFAULT_HEALTH_PATHS: HealthPaths = { live: '/healthz', ready: '/readyz' }

/**
 * Whether a value is a server that supports HTTP/1.1, which upgrades need. Only such servers have `headersTimeout`.
 */
const isServer = (value: unknown): boolean =>
  typeof (value as Server | null)?.on === 'function' && typeof (value as Server).headersTimeout === 'number'

/** @throws `invalid_option` */
export const readHttpOptions = (options: HttpOptions): HttpSettings => {
  checkOptions('http()', options, {
    port: option.integer(0, 65_535),
    hostname: option.string,
    routes: (value) =>
      typeof (value as FetchApp | null)?.fetch === 'function'
        ? undefined
        : 'a Hono app, or an object with a fetch method',
    allowedOrigins: checkOrigins,
    bodyLimit: option.integer(1),
    trustProxy: checkTrustProxy,
    health: (value) =>
      value === false
        ? undefined
        : option.either(option.path, option.object)(value) &&
          'a path, an object with the paths live and ready, or false',
    keepAliveTimeout: option.duration(),
    requestRate: option.integer(1),
    requestBurst: option.integer(1),
    maxSockets: option.integer(1),
    server: (value) =>
      value === false || isServer(value)
        ? undefined
        : 'a server of node:http or node:https, or of node:http2 with allowHTTP1, or false',
  })
  const { server, health = server === undefined ? DEFAULT_HEALTH_PATHS : false, requestRate = 5000 } = options
  if (typeof health === 'object')
    checkOptions('http() health', health, { live: option.path, ready: option.path })
  if (server !== undefined) checkServerOptions(options, server)
  return {
    port: options.port ?? 3000,
    hostname: options.hostname,
    routes: options.routes,
    allowedOrigins: options.allowedOrigins,
    bodyLimit: options.bodyLimit ?? 1024 * 1024,
    trustProxy: options.trustProxy ?? false,
    health: healthPaths(health),
    keepAliveTimeout: milliseconds(options.keepAliveTimeout ?? '72s'),
    requestRate,
    requestBurst: options.requestBurst ?? 2000,
    maxSockets: options.maxSockets,
    server: server as Server | false | undefined,
  }
}

/** @throws `invalid_option` for options of the built-in server */
const checkServerOptions = (options: HttpOptions, server: object | false): void => {
  const names =
    server === false
      ? ([...BUILT_IN_SERVER_OPTIONS, 'routes', 'bodyLimit'] as const)
      : BUILT_IN_SERVER_OPTIONS
  const wrong = names.filter((name) => options[name] !== undefined)
  if (wrong.length === 0) return
  const list = wrong.map((name) => `'${name}'`).join(' and ')
  throw new RookeryError(
    'invalid_option',
    server === false
      ? `http(): with 'server: false' there is no server; leave out ${list}`
      : `http(): you configure your own 'server' yourself; leave out ${list}`,
  )
}

const healthPaths = (health: string | HealthPaths | false): HealthPaths => {
  if (health === false) return {}
  const { live, ready } = typeof health === 'string' ? { live: health, ready: undefined } : health
  return { live: live && withoutEndSlash(live), ready: ready && withoutEndSlash(ready) }
}
