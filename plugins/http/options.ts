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
  /** Port to listen on; 0 for any free one. @default 3000 */
  readonly port?: number | undefined
  /** Address to listen on. @default all addresses */
  readonly hostname?: string | undefined
  /** The user's own routes: a Hono app, or anything with `fetch`. Asked after the routes of plugins. */
  readonly routes?: FetchApp | undefined
  /**
   * Origins that pages may connect from, beside the server's own: a list, `'*'`, or a function, which may return a promise.
   * They get CORS headers too. @default only the server's own
   */
  readonly allowedOrigins?: AllowedOrigins | undefined
  /** Largest body of a request to `routes`, in bytes. @default 1048576 */
  readonly bodyLimit?: number | undefined
  /**
   * Proxies before the server whose `X-Forwarded-For`, `-Host` and `-Proto` are believed: `true` for every peer, a number of
   * proxies in a row, or a list of addresses, of networks such as `10.0.0.0/8`, and of `loopback`, `linklocal` and
   * `uniquelocal`. @default false
   */
  readonly trustProxy?: TrustProxy | undefined
  /**
   * Paths of health checks: one path for whether the process lives, or an object with a path for each; false for none.
   * @default `{ live: '/healthz', ready: '/readyz' }` on a server of the app's own, false on one of the user's
   */
  readonly health?: string | HealthPaths | false | undefined
  /**
   * How long an idle connection stays open. A proxy in front must give up its connections before: otherwise it sends requests
   * on connections that have just been closed, and answers 502. @default '72s', since nginx and AWS use 60 s
   */
  readonly keepAliveTimeout?: Duration | undefined
  /**
   * Requests a second, and at once, from one network address other than the machine's own; past it they are answered with 429
   * and the connection is closed. @default 5000 and 2000
   */
  readonly requestRate?: number | undefined
  readonly requestBurst?: number | undefined
  /**
   * Most TCP connections at a time, those included that have not asked for anything yet; more are dropped at once.
   * @default `limits.maxConnections` of the app and 10000 more
   */
  readonly maxSockets?: number | undefined
  /**
   * A server of the user's own, of `node:http`, `node:https` or `node:http2` with `allowHTTP1`. It is the user's to listen and
   * to close. The app answers the paths of its transports and plugins, and everything else goes to the listeners that the
   * server has, or to `routes` if it has none. With false there is no server: the app gets its requests through `NodeHandler`.
   */
  readonly server?: Server | HttpsServer | Http2Server | Http2SecureServer | false | undefined
}

/** Options with their defaults, durations in milliseconds. */
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

/** Options that a server of the app's own has. */
const OF_OWN_SERVER = [
  'port',
  'hostname',
  'keepAliveTimeout',
  'requestRate',
  'requestBurst',
  'maxSockets',
] as const

const HEALTH: HealthPaths = { live: '/healthz', ready: '/readyz' }

/** A server that speaks HTTP/1.1, which upgrades need. Only those have the time limit. */
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
        : 'a Hono app, or anything with a fetch method',
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
  const { server, health = server === undefined ? HEALTH : false, requestRate = 5000 } = options
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

/** @throws `invalid_option` for what belongs to a server of the app's own */
const checkServerOptions = (options: HttpOptions, server: object | false): void => {
  const names = server === false ? ([...OF_OWN_SERVER, 'routes', 'bodyLimit'] as const) : OF_OWN_SERVER
  const wrong = names.filter((name) => options[name] !== undefined)
  if (wrong.length === 0) return
  const list = wrong.map((name) => `'${name}'`).join(' and ')
  throw new RookeryError(
    'invalid_option',
    server === false
      ? `http(): there is no server to use ${list}; leave it out`
      : `http(): your own 'server' has settings of its own; leave out ${list}`,
  )
}

const healthPaths = (health: string | HealthPaths | false): HealthPaths => {
  if (health === false) return {}
  const { live, ready } = typeof health === 'string' ? { live: health, ready: undefined } : health
  return { live: live && withoutEndSlash(live), ready: ready && withoutEndSlash(ready) }
}
