import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Hono } from 'hono'
import type { App } from '../../core/app.ts'
import { RookeryError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Limits } from '../../core/session-host.ts'
import { createAddressOf } from './forwarded.ts'
import { createNodeServer } from './node-server.ts'
import { allowsOrigin } from './origin.ts'
import type { HttpOptions } from './plugin.ts'
import { createRoutes, finishRoutes } from './routes.ts'
import type { HttpServer, RequestHandler, UpgradeHandler } from './tokens.ts'
import { Upgrades } from './upgrades.ts'

/** Longest that requests under way may take once the server stops, in ms. */
const CLOSE_TIMEOUT = 5000

/** Sockets for requests, for whoever has not asked for anything yet, and to tell others that there is no more room. */
const SPARE_SOCKETS = 10_000

/** Node's server with Hono's router in front of the user's routes. */
export class WebServer implements HttpServer {
  readonly server: Server
  readonly routes: Hono
  readonly addressOf: (request: IncomingMessage) => string
  readonly #options: HttpOptions
  readonly #log: Logger
  readonly #upgrades: Upgrades
  #detach = (): void => {}

  constructor(options: HttpOptions, app: App, limits: Limits, log: Logger) {
    this.#options = options
    this.#log = log
    this.addressOf = createAddressOf(options.trustProxy ?? false)
    const { handshakeTimeout, maxConnections } = limits
    const maxSockets = options.maxSockets ?? maxConnections + SPARE_SOCKETS
    this.server = options.server ?? createNodeServer({ handshakeTimeout, maxSockets, log })
    this.routes = createRoutes(app, log, options.allowedOrigins)
    this.#upgrades = new Upgrades(
      (request) => this.allowsOrigin(request),
      () => options.server !== undefined && this.server.listenerCount('upgrade') > 1,
      (error) => log.error({ err: error, stage: 'upgrade' }, 'an upgrade failed'),
    )
  }

  get url(): string {
    const address = this.server.address()
    if (address === null || typeof address === 'string') {
      throw new RookeryError(
        'missing_provider',
        'The HTTP server does not listen on a port (yet): start the app first',
      )
    }
    const { hostname = this.#options.server && !isAny(address.address) ? address.address : 'localhost' } =
      this.#options
    const host = isAny(hostname) ? 'localhost' : hostname
    const scheme = 'setSecureContext' in this.server ? 'https' : 'http'
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${address.port}`
  }

  onUpgrade(path: string, handler: UpgradeHandler): () => void {
    return this.#upgrades.add(path, handler)
  }

  onRequest(path: string, handler: RequestHandler): () => void {
    let active = true
    this.routes.all(`${path}/*`, async (c) => {
      if (!active) return c.notFound()
      const { incoming, outgoing } = c.env as HttpBindings
      if (!this.allowsOrigin(incoming)) throw new RookeryError('origin_not_allowed')
      // What CORS has to say is on Hono's response, which is not the one that is sent.
      c.res.headers.forEach((value, name) => void outgoing.setHeader(name, value))
      await handler(incoming, outgoing, new URL(c.req.url))
      return RESPONSE_ALREADY_SENT
    })
    return () => {
      active = false
    }
  }

  allowsOrigin(request: IncomingMessage): boolean {
    return allowsOrigin(request, this.#options.allowedOrigins)
  }

  /** Begins to answer, and to listen unless the server is the user's own. */
  async listen(): Promise<void> {
    this.#attach()
    if (this.#options.server) return
    const { port = 3000, hostname } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen({ port, ...(hostname !== undefined && { host: hostname }) }, () => {
        this.server.removeListener('error', reject)
        resolve()
      })
    }).catch((cause: NodeJS.ErrnoException) => {
      const fix = cause.code === 'EADDRINUSE' ? '; choose another `port`, or 0 for any free one' : ''
      throw new RookeryError('plugin_failed', `http(): ${cause.message}${fix}`, { cause })
    })
    this.#log.info({ url: this.url }, 'listening')
  }

  /** Stops answering, and listening unless the server is the user's own. */
  async close(): Promise<void> {
    if (!this.#options.server && this.server.listening) {
      const timer = setTimeout(() => this.server.closeAllConnections(), CLOSE_TIMEOUT)
      await new Promise<void>((resolve) => {
        this.server.close(() => resolve())
      })
      clearTimeout(timer)
    }
    this.#detach()
  }

  /** Puts the router in front of whatever listeners the server has. */
  #attach(): void {
    const { routes, bodyLimit = 1024 * 1024 } = this.#options
    const there = this.#options.server ? (this.server.listeners('request') as RequestListener[]) : []
    const others = there
    finishRoutes(this.routes, { routes, bodyLimit, others })
    const answer = getRequestListener(this.routes.fetch, { overrideGlobalObjects: false })
    let after: readonly RequestListener[] | undefined
    const respond: RequestListener = (request, response) => {
      if (!after) void answer(request, response)
      else for (const other of after) other(request, response)
    }
    for (const other of others) this.server.removeListener('request', other)
    this.server.on('request', respond)
    this.server.on('upgrade', this.#upgrades.handle)
    this.#detach = () => {
      after = others.flatMap(answering)
      AFTER.set(respond, after)
      // Another app may have put itself in front, and goes on to ask this one until it stops.
      const isFirst = this.server.listeners('request').includes(respond)
      this.server.removeListener('request', respond)
      this.server.removeListener('upgrade', this.#upgrades.handle)
      if (isFirst) for (const other of after) this.server.on('request', other)
      this.#detach = () => {}
    }
  }
}

/** Who answers for apps that have stopped on a server that they share with others. */
const AFTER = new WeakMap<RequestListener, readonly RequestListener[]>()

const answering = (listener: RequestListener): readonly RequestListener[] =>
  AFTER.get(listener)?.flatMap(answering) ?? [listener]

const isAny = (hostname: string): boolean => hostname === '::' || hostname === '0.0.0.0'
