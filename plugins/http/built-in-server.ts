import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import type { PathRouter } from './path-router.ts'
import { RequestLimit } from './request-limit.ts'
import { pathOf } from './request-target.ts'
import { interceptUpgrades } from './router-interceptors.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/** Longest wait for requests under way when the server stops, in ms. */
const CLOSE_WAIT_MS = 5000
/** Time without a request after which a server that got requests while it drained closes idle connections, in ms. */
const QUIET_TIME_MS = 500
/** Longest wait for that time without a request, in ms. */
const QUIET_WAIT_MS = 2000
/** Time between two checks for requests and idle connections while the server stops, in ms. */
const IDLE_CHECK_INTERVAL_MS = 50
/** Longest time between two checks for connections that take too long to send their headers, in ms. */
const CONNECTION_CHECK_INTERVAL_MS = 100
/** Longest `headersTimeout` that Node accepts, which is its `requestTimeout`, in ms. */
const MAX_HEADERS_MS = 300_000

export interface BuiltInServerSettings {
  readonly port: number
  readonly hostname: string | undefined
  /** Milliseconds from connecting to the end of the headers. */
  readonly handshakeTimeout: number
  /** Milliseconds that an idle connection stays open. */
  readonly keepAliveTimeout: number
  /** Most TCP connections at a time. */
  readonly maxSockets: number
  /** Requests a second of one network. */
  readonly requestRate: number
  /** Requests of one network at once. */
  readonly requestBurst: number
  readonly proxies: TrustedProxies
  /** Whether the app is stopping. */
  readonly draining: () => boolean
  readonly log: Logger
}

/** The server that the app opens by default. It bounds what a peer costs before its first complete request. */
export class BuiltInServer {
  readonly server: Server
  readonly #router: PathRouter
  readonly #settings: BuiltInServerSettings
  readonly #limit: RequestLimit
  readonly #detach: () => void
  /** Connections that were opened while the app drains. */
  readonly #openedWhileDraining = new WeakSet<Socket>()
  /** When the last request arrived while the app drains, as of `performance.now()`. */
  #lastRequestAt = Number.NEGATIVE_INFINITY
  #closing = false
  /** Answers the requests on paths that no plugin has. */
  #fallback: RequestListener = (_request, response) => response.writeHead(404).end()

  constructor(router: PathRouter, settings: BuiltInServerSettings) {
    this.#router = router
    this.#settings = settings
    const { handshakeTimeout, keepAliveTimeout, maxSockets, requestRate, requestBurst } = settings
    this.server = createServer(
      {
        headersTimeout: Math.min(handshakeTimeout, MAX_HEADERS_MS),
        keepAliveTimeout,
        // At each check, Node closes all connections that have not sent their headers in time. Closing one takes
        // about 0.1 ms: the checks are frequent so that none of them has thousands to close.
        connectionsCheckingInterval: Math.min(handshakeTimeout / 10, CONNECTION_CHECK_INTERVAL_MS),
      },
      this.#respond,
    )
    this.server.maxConnections = maxSockets
    this.server.on('connection', (socket: Socket) => {
      if (settings.draining()) this.#openedWhileDraining.add(socket)
    })
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

  /**
   * Whether a request is the last of its connection. While the app drains, the server ends connections that were open
   * before, so that load balancers move their clients to other nodes. It keeps connections that are opened during the
   * drain, since they come from a proxy that does not know of the drain. Otherwise such a proxy would connect for
   * every request, also at the moment at which the server stops listening, and the system resets connections that
   * have not been accepted.
   */
  isLast(request: IncomingMessage): boolean {
    return this.#closing || (this.#settings.draining() && !this.#openedWhileDraining.has(request.socket))
  }

  /** Stops listening. Resolves when the requests under way have been answered. */
  async close(): Promise<void> {
    if (this.server.listening) {
      // Let Node read the requests that have arrived, so that they are answered.
      await turn()
      await turn()
      this.#closing = true
      const closed = new Promise<void>((resolve) => this.server.once('close', resolve))
      // This only stops listening. `close` of an HTTP server closes idle connections, too. In Bun, servers have another class.
      if (this.server instanceof NetServer) NetServer.prototype.close.call(this.server)
      await this.#untilQuiet()
      this.server.close()
      // Browsers open spare connections. Node does not count a connection as idle before its first request.
      for (const socket of this.#limit.unread()) socket.destroy()
      const idle = setInterval(() => this.server.closeIdleConnections(), IDLE_CHECK_INTERVAL_MS)
      const end = setTimeout(() => this.server.closeAllConnections(), CLOSE_WAIT_MS)
      await closed
      clearInterval(idle)
      clearTimeout(end)
    }
    this.#detach()
  }

  /**
   * Waits until no request has arrived for 500 ms, at most 2 s. A proxy may send requests on open connections until
   * it learns that the server has stopped listening. Each response ends its connection; the server closes idle
   * connections afterwards.
   */
  async #untilQuiet(): Promise<void> {
    const end = performance.now() + QUIET_WAIT_MS
    while (performance.now() < Math.min(this.#lastRequestAt + QUIET_TIME_MS, end))
      await pause(IDLE_CHECK_INTERVAL_MS)
  }

  readonly #respond: RequestListener = (request, response) => {
    if (this.#limit.refuses(request, response)) return
    if (this.#settings.draining()) this.#lastRequestAt = performance.now()
    if (this.isLast(request)) response.setHeader('connection', 'close')
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
          'connections were dropped: the server has reached http({ maxSockets })',
        )
        dropped = 0
      }
      setTimeout(report, 1000).unref()
    })
  }
}

/**
 * Whether a request asks about the server itself: `OPTIONS *` (RFC 9110, section 9.3.7), or the default health check
 * of HAProxy, `OPTIONS /` of HTTP/1.0 without a host.
 */
const isServerCheck = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'OPTIONS' && (url === '*' || (url === '/' && headers.host === undefined))
