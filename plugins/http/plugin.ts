import type { Server } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { AppToken } from '../../core/app.ts'
import { RookeryError } from '../../core/errors.ts'
import { Logger } from '../../core/logger.ts'
import { checkOptions, option } from '../../core/options.ts'
import { definePlugin, type Plugin } from '../../core/plugin.ts'
import { Limits } from '../../core/session-host.ts'
import { checkTrustProxy, type TrustProxy } from './forwarded.ts'
import { type AllowedOrigins, checkOrigins } from './origin.ts'
import type { FetchApp } from './routes.ts'
import { HttpRoutes, HttpServer } from './tokens.ts'
import { WebServer } from './web-server.ts'

export interface HttpOptions {
  /** Port to listen on; 0 for any free one. @default 3000 */
  readonly port?: number | undefined
  /** Address to listen on. @default all addresses */
  readonly hostname?: string | undefined
  /** The user's own routes: a Hono app, or anything with `fetch`. Asked after the routes of plugins. */
  readonly routes?: FetchApp | undefined
  /**
   * Origins that pages may connect from, beside the server's own host: a list, `'*'`, or a function. They
   * get CORS headers too. @default only the server's own host
   */
  readonly allowedOrigins?: AllowedOrigins | undefined
  /** Largest body of a request to `routes`, in bytes. @default 1048576 */
  readonly bodyLimit?: number | undefined
  /**
   * Proxies before the server whose `X-Forwarded-For` is believed: `true` for whoever connects, a number of proxies in
   * a row, or a list of addresses, of networks such as `10.0.0.0/8`, and of `loopback`, `linklocal` and `uniquelocal`.
   * @default false
   */
  readonly trustProxy?: TrustProxy | undefined
  /**
   * Most TCP connections at a time, those included that have not asked for anything yet; more are dropped at once.
   * @default `limits.maxConnections` of the app and 10000 more
   */
  readonly maxSockets?: number | undefined
  /**
   * A server of the user's own. It is the user's to listen and to close; without `routes`, what Rookery does
   * not answer goes to the request listeners that it has. Excludes `port`, `hostname` and `maxSockets`.
   */
  readonly server?: Server | HttpsServer | undefined
}

const checkHttpOptions = (options: HttpOptions): void => {
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
    maxSockets: option.integer(1),
    server: (value) =>
      typeof (value as Server | null)?.headersTimeout === 'number'
        ? undefined
        : 'a server of node:http or node:https',
  })
  const ours = (['port', 'hostname', 'maxSockets'] as const).filter((name) => options[name] !== undefined)
  if (options.server && ours.length > 0) {
    const names = ours.map((name) => `'${name}'`).join(' and ')
    throw new RookeryError(
      'invalid_option',
      `http(): your own 'server' listens where and how you say; leave out ${names}`,
    )
  }
}

/**
 * HTTP for an app: Hono's router and Node's server, shared by the transports that need them. Answers
 * `/healthz` (alive) and `/readyz` (takes connections; 503 otherwise).
 *
 * @throws `invalid_option`
 * @example http({ port: 3000, routes: new Hono().get('/hello', (c) => c.text('hi')) })
 */
export const http = (options: HttpOptions = {}): Plugin => {
  checkHttpOptions(options)
  let web: WebServer | undefined
  return definePlugin({
    name: 'http',
    setup(scope) {
      const open = () => {
        web ??= new WebServer(options, scope.get(AppToken), scope.get(Limits), scope.get(Logger))
        return web
      }
      scope.provide(HttpServer, open)
      scope.provide(HttpRoutes, () => open().routes)
    },
    async listen(scope) {
      scope.get(HttpServer)
      await web?.listen()
    },
    stop: () => web?.close(),
  })
}
