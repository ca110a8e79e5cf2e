import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { pathOf } from './path-map.ts'
import type { NodeRouter } from './path-router.ts'
import { RequestLimit } from './request-limit.ts'
import { interceptUpgrades } from './router-interceptors.ts'
import type { Proxies } from './trusted-proxies.ts'

/** Longest that requests under way may take once the server stops, in ms. */
const CLOSE_MS = 5000
/** How long no request may have arrived before a server that was asked while it drained closes idle connections, in ms. */
const QUIET_MS = 500
/** Longest that it waits for that, in ms. */
const MAX_QUIET_MS = 2000
/** Time between two looks at whether requests or connections are left while the server stops, in ms. */
const IDLE_CHECK_MS = 50
/** Longest time between two looks for connections that take too long for their headers, in ms. */
const CONNECTION_CHECK_MS = 100
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
  /** Connections that were opened while the app drains. */
  readonly #late = new WeakSet<Socket>()
  /** When the last request came while the app drains, as of `performance.now()`. */
  #askedAt = Number.NEGATIVE_INFINITY
  #closing = false
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
        // Node closes all connections that have not finished their headers in time at each check, in one go. Between two
        // checks there must not be thousands: closing one takes about 0.1 ms.
        connectionsCheckingInterval: Math.min(handshakeTimeout / 10, CONNECTION_CHECK_MS),
      },
      this.#respond,
    )
    this.server.maxConnections = maxSockets
    this.server.on('connection', (socket: Socket) => {
      if (settings.draining()) this.#late.add(socket)
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
   * Whether a request is the last of its connection. While the app drains, the server ends connections that were open before,
   * so that load balancers move their clients to other nodes. It keeps connections that are opened during the drain: they come
   * from a proxy that does not know of the drain. Such a proxy would otherwise connect for every request, also just when the
   * server stops listening, and the system resets connections that have not been accepted.
   */
  isLast(request: IncomingMessage): boolean {
    return this.#closing || (this.#settings.draining() && !this.#late.has(request.socket))
  }

  /** Stops listening, and resolves when the requests under way are answered. */
  async close(): Promise<void> {
    if (this.server.listening) {
      // Requests that have arrived begin, and are answered.
      await turn()
      await turn()
      this.#closing = true
      const closed = new Promise<void>((resolve) => this.server.once('close', resolve))
      // Only stops listening: `close` of HTTP servers closes idle connections, too.
      NetServer.prototype.close.call(this.server)
      await this.#untilQuiet()
      this.server.close()
      // Browsers open connections ahead. Node does not count a connection as idle before its first request.
      for (const socket of this.#limit.unread()) socket.destroy()
      const idle = setInterval(() => this.server.closeIdleConnections(), IDLE_CHECK_MS)
      const end = setTimeout(() => this.server.closeAllConnections(), CLOSE_MS)
      await closed
      clearInterval(idle)
      clearTimeout(end)
    }
    this.#detach()
  }

  /**
   * Waits until no request has arrived for a while. A proxy may send requests on open connections until it learns that the
   * server has stopped listening; each answer ends its connection, and idle connections can be closed afterwards.
   */
  async #untilQuiet(): Promise<void> {
    const end = performance.now() + MAX_QUIET_MS
    while (performance.now() < Math.min(this.#askedAt + QUIET_MS, end)) await pause(IDLE_CHECK_MS)
  }

  readonly #respond: RequestListener = (request, response) => {
    if (this.#limit.refuses(request, response)) return
    if (this.#settings.draining()) this.#askedAt = performance.now()
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
