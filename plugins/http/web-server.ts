import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { Server as TlsServer } from 'node:tls'
import type { Hono } from 'hono'
import type { App } from '../../core/app/app.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Limits } from '../../core/sessions/limits.ts'
import type { Logger } from '../../core/util/logger.ts'
import { answerError } from './answers.ts'
import { interceptRequests, interceptUpgrades } from './guest.ts'
import { addHealth } from './health.ts'
import {
  addCors,
  addUserRoutes,
  createRouter,
  type HonoPackages,
  listenerOf,
  loadHono,
  pathsOf,
  platformRequests,
} from './hono-router.ts'
import { otherListeners } from './listener-front.ts'
import { NodeRouter } from './node-router.ts'
import type { HttpSettings } from './options.ts'
import { Origins } from './origins.ts'
import { OwnServer } from './own-server.ts'
import { pathOf } from './paths.ts'
import { Proxies } from './proxies.ts'
import type { HttpServer, NodeHandler, RequestHandler, RequestOrigin, UpgradeHandler } from './tokens.ts'

/** The HTTP side of an app: on a server of its own, as a guest on the user's, or without any. */
export class WebServer implements HttpServer {
  readonly handler: NodeHandler
  readonly #settings: HttpSettings
  readonly #log: Logger
  readonly #origins: Origins
  readonly #proxies: Proxies
  readonly #router: NodeRouter
  readonly #own: OwnServer | undefined
  #hono: HonoPackages | undefined
  #routes: Hono | undefined
  #detach: readonly (() => void)[] = []

  constructor(settings: HttpSettings, app: App, limits: Limits, log: Logger) {
    this.#settings = settings
    this.#log = log
    const { handshakeTimeout } = limits
    const draining = () => app.state === 'stopping'
    const proxies = new Proxies(settings.trustProxy)
    this.#proxies = proxies
    this.#origins = new Origins(settings.allowedOrigins, proxies)
    const isLast = (request: IncomingMessage) => this.#own?.isLast(request) ?? draining()
    this.#router = new NodeRouter({ origins: this.#origins, originTimeout: handshakeTimeout, isLast, log })
    addHealth(this.#router, app, settings.health)
    if (settings.server === undefined) {
      const maxSockets = settings.maxSockets ?? limits.maxConnections + SPARE_SOCKETS
      this.#own = new OwnServer(this.#router, {
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
        else answerError(response, new RookeryError('not_found'))
      },
      upgrade: (request, socket, head) => this.#router.upgrade(request, socket, head),
    }
  }

  get server(): Server {
    const server = this.#own?.server ?? this.#settings.server
    if (server) return server
    throw new RookeryError('missing_provider', 'http({ server: false }) has no server: use NodeHandler')
  }

  get url(): string {
    const address = this.server.address()
    if (address === null || typeof address === 'string') {
      throw new RookeryError(
        'missing_provider',
        'The HTTP server does not listen on a port (yet): start the app first',
      )
    }
    const { hostname = this.#own || isAny(address.address) ? 'localhost' : address.address } = this.#settings
    const host = isAny(hostname) ? 'localhost' : hostname
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
        : "HttpRoutes is there once http() has started: name it in a plugin's `requires` and use it in `start`",
    )
  }

  onUpgrade(path: string, handler: UpgradeHandler): () => void {
    return this.#router.onUpgrade(path, handler)
  }

  onRequest(path: string, handler: RequestHandler): () => void {
    return this.#router.onRequest(path, handler)
  }

  async allowsOrigin(request: RequestOrigin): Promise<boolean> {
    return await this.#origins.allows(request)
  }

  addressOf(request: IncomingMessage): string {
    return this.#proxies.addressOf(request)
  }

  /**
   * Loads the router if there are routes. A process that has loaded Hono takes 4 to 5 % longer for every request, also for
   * requests that Hono never sees.
   *
   * @param isRequired whether a plugin has routes
   */
  async start(isRequired: boolean): Promise<void> {
    const { server, routes, allowedOrigins } = this.#settings
    if (server === false || !(this.#own || routes || isRequired)) return
    this.#hono = await loadHono()
    this.#routes = createRouter(this.#hono, this.#log)
    if (allowedOrigins !== undefined) addCors(this.#routes, this.#origins)
  }

  /** Begins to answer, and to listen unless the server is the user's own. */
  async listen(): Promise<void> {
    const { server, routes, bodyLimit } = this.#settings
    if (this.#own) {
      const router = this.routes
      if (routes) addUserRoutes(router, routes, bodyLimit)
      await this.#own.listen(listenerOf(this.#hono as HonoPackages, router, true))
      this.#log.info({ url: this.url }, 'listening')
    } else if (server) this.#visit(server)
  }

  /** Stops answering, and listening unless the server is the user's own. */
  async close(): Promise<void> {
    await this.#own?.close()
    for (const detach of this.#detach) detach()
    this.#detach = []
  }

  /** Becomes a guest on the user's server. @throws `invalid_option` when another app there takes a path of this one */
  #visit(server: Server): void {
    const { routes, bodyLimit } = this.#settings
    let listener: RequestListener | undefined
    if (this.#hono && this.#routes) {
      listener = listenerOf(this.#hono, this.#routes, false)
      for (const [path, { below }] of pathsOf(this.#routes)) {
        this.#router.onPublicRequest(path, listener, below)
      }
      if (routes) addUserRoutes(this.#routes, platformRequests(routes), bodyLimit)
    }
    if (routes && otherListeners(server, 'request') > 0) {
      throw new RookeryError(
        'invalid_option',
        "http(): your own 'server' has request listeners, which answer what the app does not; leave out 'routes'",
      )
    }
    const guests = guestsOf(server)
    this.#router.assertApartFrom(guests)
    guests.add(this.#router)
    this.#detach = [
      interceptRequests(server, this.#router, routes && listener),
      interceptUpgrades(server, this.#router),
      () => guests.delete(this.#router),
    ]
  }
}

/** Sockets for requests, for peers that have not asked for anything yet, and to tell others that there is no more room. */
const SPARE_SOCKETS = 10_000

/** Routers of the apps that are guests on a server. */
const GUESTS = new WeakMap<Server, Set<NodeRouter>>()

const guestsOf = (server: Server): Set<NodeRouter> => {
  const guests = GUESTS.get(server) ?? new Set()
  GUESTS.set(server, guests)
  return guests
}

const isAny = (hostname: string): boolean => hostname === '::' || hostname === '0.0.0.0'
