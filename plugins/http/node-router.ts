import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { isPublic, RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { isPromiseLike, within } from '../../core/util/promises.ts'
import { answerError, refuseUpgrade, shareWith } from './answers.ts'
import { asksFor } from './ordinary-request.ts'
import type { Origins } from './origins.ts'
import { PathMap, pathOf, urlOf } from './paths.ts'
import type { RequestHandler, UpgradeHandler } from './tokens.ts'

/** Shortest time between two warnings about origins that are refused, in ms. */
const WARN_EVERY_MS = 10_000

export interface NodeRouterSettings {
  readonly origins: Origins
  /** How long a function of the user may take to decide about an origin, in ms. */
  readonly originTimeout: number
  /** Whether a request is to be the last of its connection. */
  readonly isLast: (request: IncomingMessage) => boolean
  readonly log: Logger
}

interface Endpoint {
  readonly handler: RequestHandler
  /** Whether requests from pages of origins that are not allowed are refused. */
  readonly guarded: boolean
}

const ignore = (): void => {}

/** Routes Node's requests and upgrades to the handlers of plugins, by path. Knows no server and no third party. */
export class NodeRouter {
  readonly #endpoints = new PathMap<Endpoint>()
  readonly #upgrades = new PathMap<UpgradeHandler>()
  readonly #settings: NodeRouterSettings
  #warnedAt = Number.NEGATIVE_INFINITY
  #unreported = 0

  constructor(settings: NodeRouterSettings) {
    this.#settings = settings
  }

  /** Requests on a path and below it. @throws `invalid_option` */
  onRequest(path: string, handler: RequestHandler): () => void {
    return this.#endpoints.add(path, { handler, guarded: true }, true)
  }

  /** Requests on a path, and below it if wanted, from any origin. @throws `invalid_option` */
  onPublicRequest(path: string, handler: RequestHandler, below = false): () => void {
    return this.#endpoints.add(path, { handler, guarded: false }, below)
  }

  /** Upgrades to WebSocket on a path. @throws `invalid_option` */
  onUpgrade(path: string, handler: UpgradeHandler): () => void {
    return this.#upgrades.add(path, handler)
  }

  /** Whether a path is the app's. */
  takes(path: string): boolean {
    return this.#endpoints.get(path) !== undefined || this.#upgrades.get(path) !== undefined
  }

  /** @throws `invalid_option` when others take a path of this one */
  assertApartFrom(others: Iterable<NodeRouter>): void {
    for (const path of [...this.#endpoints.paths, ...this.#upgrades.paths]) {
      for (const other of others) {
        if (other.takes(path)) {
          throw new RookeryError(
            'invalid_option',
            `Another app on this server takes '${path}'; give one of them another path`,
          )
        }
      }
    }
  }

  /** Answers a request on a path of the app's. */
  request(request: IncomingMessage, response: ServerResponse): void {
    const endpoint = this.#endpoints.get(pathOf(request.url)) ?? UPGRADE_ONLY
    this.#respond(endpoint, request, response).catch((error) => this.#fail(error, request, response))
  }

  /** Takes an upgrade to WebSocket on a path of the app's; tells whether it was one. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const handler = asksFor(request, 'websocket') ? this.#upgrades.get(pathOf(request.url)) : undefined
    if (!handler) return false
    // Without a listener, a reset by the peer would end the process.
    socket.on('error', ignore)
    const refuse = (error: unknown) => refuseUpgrade(socket, this.#coded(error, request, 'upgrade'))
    // A stream notices in the next tick that its reader has let go of it: until then it cannot be paused.
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
    const { handler, guarded } = endpoint
    const { origin } = request.headers
    if (request.httpVersionMajor === 1 && this.#settings.isLast(request)) {
      response.setHeader('connection', 'close')
    }
    if (origin !== undefined) {
      response.appendHeader('vary', 'Origin')
      const shared = guarded || (await this.#isListed(origin))
      if (shared && shareWith(origin, request, response)) return
    }
    // A client asks the path of a WebSocket why its handshake was refused.
    if (guarded) await this.#checkOrigin(request, endpoint === UPGRADE_ONLY)
    await handler(request, response, urlOf(request.url))
  }

  /** Whether the user lists an origin. A function of theirs that does not decide in time has said no. */
  async #isListed(origin: string): Promise<boolean> {
    const listed = Promise.resolve(this.#settings.origins.lists(origin))
    const late = () => new RookeryError('handshake_timeout')
    return await within(this.#settings.originTimeout, listed, late).catch(() => false)
  }

  /** @throws `origin_not_allowed` */
  async #checkOrigin(request: IncomingMessage, isHandshake = false): Promise<void> {
    const allowed = this.#settings.origins.allows(request, isHandshake)
    const late = () => new RookeryError('handshake_timeout', 'The decision about the origin took too long')
    if (
      isPromiseLike(allowed)
        ? await within(this.#settings.originTimeout, Promise.resolve(allowed), late)
        : allowed
    )
      return
    this.#warn(request)
    throw new RookeryError('origin_not_allowed')
  }

  /** Says which origin was refused, and what would let it in: the browser tells its page nothing. */
  #warn({ headers }: IncomingMessage): void {
    const now = performance.now()
    if (now - this.#warnedAt < WARN_EVERY_MS) {
      this.#unreported++
      return
    }
    const { origin, host } = headers
    const from = origin === undefined ? 'another site, without an Origin header' : `the origin '${origin}'`
    this.#settings.log.warn(
      { origin, host, ...(this.#unreported > 0 && { moreRefused: this.#unreported }) },
      `a request from ${from} was refused; if its pages may connect, add it to http({ allowedOrigins })`,
    )
    this.#warnedAt = now
    this.#unreported = 0
  }

  #fail(failure: unknown, request: IncomingMessage, response: ServerResponse): void {
    // A client that has gone is not a fault of the server.
    if (response.destroyed && !isPublic(failure)) return
    // The server does not read the rest of the body.
    if (!request.complete && !response.headersSent && request.httpVersionMajor === 1) {
      response.setHeader('connection', 'close')
    }
    answerError(response, this.#coded(failure, request, 'request'))
  }

  /** What a client may see of an error; the rest goes to the log. */
  #coded(failure: unknown, { url }: IncomingMessage, stage: string): RookeryError {
    if (isPublic(failure)) return failure
    const id = crypto.randomUUID()
    const path = pathOf(url)
    this.#settings.log.error({ err: failure, errorId: id, path, stage }, `a request failed`)
    return new RookeryError('internal', undefined, { id })
  }
}

/** What answers plain requests where only upgrades are taken. */
const UPGRADE_ONLY: Endpoint = {
  guarded: true,
  handler: ({ method }, response) => {
    // A client asks whether its page is refused: browsers do not tell pages why a handshake failed.
    if (method === 'POST') {
      response.writeHead(204).end()
      return
    }
    response.setHeader('upgrade', 'websocket')
    throw new RookeryError('protocol_mismatch', 'This path takes WebSocket upgrades only')
  },
}
