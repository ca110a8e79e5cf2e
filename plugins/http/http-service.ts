import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { Server as TlsServer } from 'node:tls'
import type { Hono } from 'hono'
import type { App } from '../../core/app/app.ts'
import type { ErrorReports } from '../../core/app/error-hook.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Limits } from '../../core/sessions/limits.ts'
import type { Logger } from '../../core/util/logger.ts'
import { BuiltInServer } from './built-in-server.ts'
import { otherListeners } from './event-interceptors.ts'
import { addHealthChecks } from './health-checks.ts'
import {
  addCors,
  addUserRoutes,
  createListener,
  createRouter,
  type HonoPackages,
  loadHono,
  routePaths,
  withPlatformRequests,
} from './hono-router.ts'
import type { HttpSettings } from './options.ts'
import { OriginPolicy } from './origin-policy.ts'
import { PathRouter } from './path-router.ts'
import { pathOf } from './request-target.ts'
import { sendError } from './responses.ts'
import { interceptRequests, interceptUpgrades } from './router-interceptors.ts'
import type { HttpServer, NodeHandler, RequestHandler, RequestOrigin, UpgradeHandler } from './tokens.ts'
import { TrustedProxies } from './trusted-proxies.ts'

/**
 * Serves an app over HTTP: on a built-in server, attached to the user's server, or through `NodeHandler` without a
 * server.
 */
export class HttpService implements HttpServer {
  readonly handler: NodeHandler
  readonly #settings: HttpSettings
  readonly #log: Logger
  readonly #reports: ErrorReports
  readonly #originPolicy: OriginPolicy
  readonly #proxies: TrustedProxies
  readonly #router: PathRouter
  readonly #builtIn: BuiltInServer | undefined
  #hono: HonoPackages | undefined
  #routes: Hono | undefined
  #detach: readonly (() => void)[] = []

  constructor(settings: HttpSettings, app: App, limits: Limits, log: Logger, reports: ErrorReports) {
    this.#settings = settings
    this.#log = log
    this.#reports = reports
    const { handshakeTimeout } = limits
    const draining = () => app.state === 'stopping'
    const proxies = new TrustedProxies(settings.trustProxy)
    this.#proxies = proxies
    this.#originPolicy = new OriginPolicy(settings.allowedOrigins, proxies, handshakeTimeout)
    const isLast = (request: IncomingMessage) => this.#builtIn?.isLast(request) ?? draining()
    this.#router = new PathRouter({ originPolicy: this.#originPolicy, isLast, log, reports })
    addHealthChecks(this.#router, app, settings.health)
    if (settings.server === undefined) {
      const maxSockets = settings.maxSockets ?? limits.maxConnections + SPARE_SOCKETS
      this.#builtIn = new BuiltInServer(this.#router, {
        ...settings,
        handshakeTimeout,
        maxSockets,
        proxies,
        draining,
        log,
      })
    }
    this.handler = {
      request: (request, response, next) => {
        if (this.#router.takes(pathOf(request.url))) this.#router.request(request, response)
        else if (next) next()
        else sendError(response, new RookeryError('not_found'))
      },
      upgrade: (request, socket, head) => this.#router.upgrade(request, socket, head),
    }
  }

  get server(): Server {
    const server = this.#builtIn?.server ?? this.#settings.server
    if (server) return server
    throw new RookeryError(
      'missing_provider',
      'http({ server: false }) has no server: use NodeHandler instead',
    )
  }

  get url(): string {
    const address = this.server.address()
    if (address === null || typeof address === 'string') {
      throw new RookeryError(
        'missing_provider',
        'The HTTP server does not listen on a port yet: start the app first',
      )
    }
    const { hostname = this.#builtIn || isAnyAddress(address.address) ? 'localhost' : address.address } =
      this.#settings
    const host = isAnyAddress(hostname) ? 'localhost' : hostname
    const scheme = this.server instanceof TlsServer ? 'https' : 'http'
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${address.port}`
  }

  /** @throws `missing_provider` before the plugin has started */
  get routes(): Hono {
    if (this.#routes) return this.#routes
    throw new RookeryError(
      'missing_provider',
      this.#settings.server === false
        ? 'http({ server: false }) has no routes'
        : "HttpRoutes is available once http() has started: name it in a plugin's `requires` and use it in `start`",
    )
  }

  onUpgrade(path: string, handler: UpgradeHandler): () => void {
    return this.#router.onUpgrade(path, handler)
  }

  onRequest(path: string, handler: RequestHandler): () => void {
    return this.#router.onRequest(path, handler)
  }

  onPublicRequest(path: string, handler: RequestHandler): () => void {
    return this.#router.onPublicRequest(path, handler)
  }

  async allowsOrigin(request: RequestOrigin): Promise<boolean> {
    return await this.#originPolicy.allowsInTime(request)
  }

  addressOf(request: IncomingMessage): string {
    return this.#proxies.addressOf(request)
  }

  /**
   * Loads Hono if there are routes. A process that has loaded Hono takes 4 to 5 % longer for every request, also for
   * requests that Hono does not handle.
   *
   * @param isRequired whether a plugin has routes
   * @throws `plugin_failed` when Hono is not installed
   */
  async start(isRequired: boolean): Promise<void> {
    const { server, routes, allowedOrigins } = this.#settings
    if (server === false || !(this.#builtIn || routes || isRequired)) return
    this.#hono = await loadHono()
    this.#routes = createRouter(this.#hono, this.#reports)
    if (allowedOrigins !== undefined) addCors(this.#routes, this.#originPolicy)
  }

  /** Begins to listen, or to answer on the user's server. @throws `plugin_failed`, `invalid_option` */
  async listen(): Promise<void> {
    const { server, routes, bodyLimit } = this.#settings
    if (this.#builtIn) {
      const router = this.routes
      if (routes) addUserRoutes(router, routes, bodyLimit)
      await this.#builtIn.listen(createListener(this.#hono as HonoPackages, router, true))
      this.#log.info({ url: this.url }, 'listening')
    } else if (server) this.#attach(server)
  }

  /** Stops listening, or answering on the user's server. */
  async close(): Promise<void> {
    await this.#builtIn?.close()
    for (const detach of this.#detach) detach()
    this.#detach = []
  }

  /** Attaches the app to the user's server. @throws `invalid_option` when another app on it has a path of this app */
  #attach(server: Server): void {
    const { routes, bodyLimit } = this.#settings
    let listener: RequestListener | undefined
    if (this.#hono && this.#routes) {
      listener = createListener(this.#hono, this.#routes, false)
      for (const [path, { below }] of routePaths(this.#routes)) {
        this.#router.onPublicRequest(path, listener, below)
      }
      if (routes) addUserRoutes(this.#routes, withPlatformRequests(routes), bodyLimit)
    }
    if (routes && otherListeners(server, 'request') > 0) {
      throw new RookeryError(
        'invalid_option',
        "http(): your 'server' has request listeners of its own, which answer all other requests; leave out 'routes'",
      )
    }
    const routers = attachedRouters(server)
    this.#router.assertApartFrom(routers)
    routers.add(this.#router)
    this.#detach = [
      interceptRequests(server, this.#router, routes && listener),
      interceptUpgrades(server, this.#router),
      () => routers.delete(this.#router),
    ]
  }
}

/**
 * Sockets in addition to those of sessions: for requests, for connections without a request yet, and for refusals of
 * sessions over the limit.
 */
const SPARE_SOCKETS = 10_000

/** Routers of the apps that are attached to a server. */
const ATTACHED_ROUTERS = new WeakMap<Server, Set<PathRouter>>()

const attachedRouters = (server: Server): Set<PathRouter> => {
  const routers = ATTACHED_ROUTERS.get(server) ?? new Set()
  ATTACHED_ROUTERS.set(server, routers)
  return routers
}

const isAnyAddress = (hostname: string): boolean => hostname === '::' || hostname === '0.0.0.0'
