import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ErrorReports } from '../../core/app/error-hook.ts'
import { publicError } from '../../core/protocol/coded-error.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { shortIds } from '../../core/util/short-ids.ts'
import { applyCors } from './cors.ts'
import type { OriginPolicy } from './origin-policy.ts'
import { PathMap } from './path-map.ts'
import { pathOf, urlOf } from './request-target.ts'
import { refuseUpgrade, sendError } from './responses.ts'
import type { RequestHandler, UpgradeHandler } from './tokens.ts'
import { asksForProtocol } from './upgrade-requests.ts'

/** Shortest time between two warnings about refused origins, in ms. */
const WARN_INTERVAL_MS = 10_000

export interface PathRouterSettings {
  readonly originPolicy: OriginPolicy
  /** Whether a request is the last of its connection. */
  readonly isLast: (request: IncomingMessage) => boolean
  readonly log: Logger
  readonly reports: ErrorReports
}

interface Endpoint {
  readonly handler: RequestHandler
  /** Whether the router refuses requests from pages whose origin is not allowed. */
  readonly checksOrigin: boolean
}

const ignore = (): void => {}

/**
 * Routes Node's requests and upgrades to the handlers of plugins, by path. It depends on no server and no package.
 */
export class PathRouter {
  readonly #endpoints = new PathMap<Endpoint>()
  readonly #upgrades = new PathMap<UpgradeHandler>()
  readonly #settings: PathRouterSettings
  #warnedAt = Number.NEGATIVE_INFINITY
  #unreportedRefusals = 0

  constructor(settings: PathRouterSettings) {
    this.#settings = settings
  }

  /** Adds a handler for the requests on a path and below it, from allowed origins. @throws `invalid_option` */
  onRequest(path: string, handler: RequestHandler): () => void {
    return this.#endpoints.add(path, { handler, checksOrigin: true }, true)
  }

  /** Adds a handler for the requests on a path, and below it if `below`, from any origin. @throws `invalid_option` */
  onPublicRequest(path: string, handler: RequestHandler, below = false): () => void {
    return this.#endpoints.add(path, { handler, checksOrigin: false }, below)
  }

  /** Adds a handler for upgrades to WebSocket on a path. @throws `invalid_option` */
  onUpgrade(path: string, handler: UpgradeHandler): () => void {
    return this.#upgrades.add(path, handler)
  }

  /** Whether a handler has a path. */
  takes(path: string): boolean {
    return this.#endpoints.get(path) !== undefined || this.#upgrades.get(path) !== undefined
  }

  /** @throws `invalid_option` when another router has a path of this one */
  assertApartFrom(others: Iterable<PathRouter>): void {
    for (const path of [...this.#endpoints.paths, ...this.#upgrades.paths]) {
      for (const other of others) {
        if (other.takes(path)) {
          throw new RookeryError(
            'invalid_option',
            `Another app on this server uses the path '${path}'; give one of them another path`,
          )
        }
      }
    }
  }

  /** Answers a request on a path that a handler has. */
  request(request: IncomingMessage, response: ServerResponse): void {
    const endpoint = this.#endpoints.get(pathOf(request.url)) ?? UPGRADE_ONLY
    this.#respond(endpoint, request, response).catch((error) => this.#fail(error, request, response))
  }

  /** Takes an upgrade to WebSocket if a handler has its path. @returns whether it has taken it */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const handler = asksForProtocol(request, 'websocket')
      ? this.#upgrades.get(pathOf(request.url))
      : undefined
    if (!handler) return false
    // Without this listener, a reset by the peer would end the process.
    socket.on('error', ignore)
    const refuse = (error: unknown) => refuseUpgrade(socket, this.#coded(error, request, 'upgrade'))
    // Node has just detached its HTTP parser. The socket notices in the next tick, and cannot be paused before.
    process.nextTick(() => this.#upgrade(handler, request, socket, head).catch(refuse))
    return true
  }

  async #upgrade(
    handler: UpgradeHandler,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    await this.#checkOrigin(request)
    await handler(request, socket, head, urlOf(request.url))
  }

  async #respond(endpoint: Endpoint, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { handler, checksOrigin } = endpoint
    const { origin } = request.headers
    if (request.httpVersionMajor === 1 && this.#settings.isLast(request)) {
      response.setHeader('connection', 'close')
    }
    if (origin !== undefined) {
      response.appendHeader('vary', 'Origin')
      const isShared = checksOrigin || (await this.#settings.originPolicy.listsInTime(origin))
      if (isShared && applyCors(origin, request, response)) return
    }
    // On an upgrade-only path, decide as for the handshake: the client asks there why its handshake was refused.
    if (checksOrigin) await this.#checkOrigin(request, endpoint === UPGRADE_ONLY)
    await handler(request, response, urlOf(request.url))
  }

  /** @throws `origin_not_allowed`, `handshake_timeout` */
  async #checkOrigin(request: IncomingMessage, isHandshake = false): Promise<void> {
    const allowed = this.#settings.originPolicy.allowsInTime(request, isHandshake)
    if (allowed === true || (await allowed)) return
    this.#warn(request)
    throw new RookeryError('origin_not_allowed')
  }

  /** Logs which origin was refused and how to allow it, since the browser does not tell the page. */
  #warn({ headers }: IncomingMessage): void {
    const now = performance.now()
    if (now - this.#warnedAt < WARN_INTERVAL_MS) {
      this.#unreportedRefusals++
      return
    }
    const { origin, host } = headers
    const from = origin === undefined ? 'another site, without an Origin header' : `the origin '${origin}'`
    this.#settings.log.warn(
      { origin, host, ...(this.#unreportedRefusals > 0 && { moreRefused: this.#unreportedRefusals }) },
      `a request from ${from} was refused; if its pages may connect, add it to http({ allowedOrigins })`,
    )
    this.#warnedAt = now
    this.#unreportedRefusals = 0
  }

  #fail(failure: unknown, request: IncomingMessage, response: ServerResponse): void {
    // A client that is gone is not a fault of the server.
    if (response.destroyed && !publicError(failure)) return
    // The server does not read the rest of the body.
    if (!request.complete && !response.headersSent && request.httpVersionMajor === 1) {
      response.setHeader('connection', 'close')
    }
    sendError(response, this.#coded(failure, request, 'request'))
  }

  /** The error that a client may see. Any other error goes to the log, and the client gets `internal` with its id. */
  #coded(failure: unknown, { url }: IncomingMessage, stage: string): RookeryError {
    const visible = publicError(failure)
    if (visible) return visible
    const id = this.#settings.reports.failed(
      failure,
      { stage, path: shortIds(pathOf(url)) },
      'a request failed',
    )
    return new RookeryError('internal', undefined, { id })
  }
}

/** Answers ordinary requests on a path that has only an upgrade handler. */
const UPGRADE_ONLY: Endpoint = {
  checksOrigin: true,
  handler: ({ method }, response) => {
    // A client asks whether its page is refused, since browsers do not tell a page why a handshake failed.
    if (method === 'POST') {
      response.writeHead(204).end()
      return
    }
    response.setHeader('upgrade', 'websocket')
    throw new RookeryError('protocol_mismatch', 'This path accepts WebSocket upgrades only')
  },
}
