import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { RookeryError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { interceptUpgrades } from './guest.ts'
import type { NodeRouter } from './node-router.ts'
import { pathOf } from './paths.ts'
import type { Proxies } from './proxies.ts'
import { RequestLimit } from './request-limit.ts'

/** Longest that requests under way may take once the server stops, in ms. */
const CLOSE_MS = 5000
/** Time between two looks for connections that have become idle while the server stops, in ms. */
const IDLE_CHECK_MS = 50
/** Longest time that Node accepts for the headers of a request: that of a whole request, in ms. */
const MAX_HEADERS_MS = 300_000

export interface OwnServerSettings {
  readonly port: number
  readonly hostname: string | undefined
  /** Milliseconds from connecting to the end of the headers. */
  readonly handshakeTimeout: number
  /** Milliseconds that an idle connection stays open. */
  readonly keepAliveTimeout: number
  /** Most TCP connections at a time. */
  readonly maxSockets: number
  readonly requestRate: number
  readonly requestBurst: number
  readonly proxies: Proxies
  readonly draining: () => boolean
  readonly log: Logger
}

/** A server of the app's own, with bounds on what peers cost that have not said anything sensible yet. */
export class OwnServer {
  readonly server: Server
  readonly #router: NodeRouter
  readonly #settings: OwnServerSettings
  readonly #limit: RequestLimit
  readonly #detach: () => void
  /** Answers what no plugin does. */
  #fallback: RequestListener = (_request, response) => response.writeHead(404).end()

  constructor(router: NodeRouter, settings: OwnServerSettings) {
    this.#router = router
    this.#settings = settings
    const { handshakeTimeout, keepAliveTimeout, maxSockets, requestRate, requestBurst } = settings
    this.server = createServer(
      {
        headersTimeout: Math.min(handshakeTimeout, MAX_HEADERS_MS),
        keepAliveTimeout,
        // How often Node looks for connections that never finished their headers: often, since it closes all that it finds
        // in one go, and thousands of them would keep everybody else waiting.
        connectionsCheckingInterval: Math.max(50, Math.min(handshakeTimeout / 10, 500)),
      },
      this.#respond,
    )
    this.server.maxConnections = maxSockets
    this.#reportDrops(maxSockets)
    const { proxies, log } = settings
    this.#limit = new RequestLimit(this.server, { rate: requestRate, burst: requestBurst, proxies, log })
    this.#detach = interceptUpgrades(this.server, router)
  }

  /** @throws `plugin_failed` */
  async listen(fallback: RequestListener): Promise<void> {
    this.#fallback = fallback
    const { port, hostname } = this.#settings
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
  }

  /** Stops listening, and resolves when the requests under way are answered. */
  async close(): Promise<void> {
    if (this.server.listening) {
      // Requests that have arrived begin, and are answered.
      await turn()
      await turn()
      const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
      // Node does not count connections as idle that have never asked for anything, such as those that browsers open ahead.
      for (const socket of this.#limit.unread()) socket.destroy()
      const idle = setInterval(() => this.server.closeIdleConnections(), IDLE_CHECK_MS)
      const end = setTimeout(() => this.server.closeAllConnections(), CLOSE_MS)
      await closed
      clearInterval(idle)
      clearTimeout(end)
    }
    this.#detach()
  }

  readonly #respond: RequestListener = (request, response) => {
    if (this.#limit.refuses(request, response)) return
    if (this.#settings.draining()) response.setHeader('connection', 'close')
    const path = pathOf(request.url)
    if (this.#router.takes(path)) this.#router.request(request, response)
    else if (isServerCheck(request)) response.writeHead(204).end()
    else this.#fallback(request, response)
  }

  #reportDrops(maxSockets: number): void {
    let dropped = 0
    this.server.on('drop', () => {
      if (++dropped > 1) return
      const report = () => {
        this.#settings.log.warn(
          { dropped, maxSockets },
          'connections were dropped: there are no more sockets',
        )
        dropped = 0
      }
      setTimeout(report, 1000).unref()
    })
  }
}

/**
 * Whether a request asks about the server itself (RFC 9110, section 9.3.7): `OPTIONS *`, or what HAProxy sends by default to
 * check whether a server lives, `OPTIONS /` of HTTP/1.0 without a host.
 */
const isServerCheck = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'OPTIONS' && (url === '*' || (url === '/' && headers.host === undefined))
