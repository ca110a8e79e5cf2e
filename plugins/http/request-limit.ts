import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { networkOf } from '../../core/admission/network.ts'
import { RateLimit } from '../../core/admission/rate-limit.ts'
import { RookeryError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { Recent } from '../../core/recent.ts'
import { answerError } from './answers.ts'
import type { Proxies } from './proxies.ts'

/** Networks whose rate the server remembers. */
const REMEMBERED_NETWORKS = 10_000
/** Shortest time between two warnings about requests that are refused, in ms. */
const WARN_EVERY_MS = 10_000

export interface RequestLimitSettings {
  /** Requests a second of one network, and at once. */
  readonly rate: number
  readonly burst: number
  readonly proxies: Proxies
  readonly log: Logger
}

/** Shared instance: creating an Error with a stack for each refused request is the expensive part of a flood. */
const TOO_MANY = new RookeryError('rate_limited', 'Too many requests from this address')

/**
 * Limits the requests of each network to a server of the app's own. A request too many is answered with 429, and its
 * connection is closed. As long as the network has sent more than it may, its new connections are dropped, and those that
 * have not been read: reading one takes longer than closing it, since thousands of requests fit into a single read.
 *
 * Requests from the machine itself are not limited, they are a proxy's. Behind proxies that are trusted, the network is the
 * client's, and connections stay: they are the proxy's.
 */
export class RequestLimit {
  readonly #settings: RequestLimitSettings
  readonly #rates: Recent<RateLimit>
  /** The open connections. */
  readonly #connections = new Map<Socket, RateLimit | undefined>()
  readonly #closing = new WeakSet<Socket>()
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor(server: Server, settings: RequestLimitSettings) {
    this.#settings = settings
    const { rate, burst } = settings
    this.#rates = new Recent(() => new RateLimit(rate, burst, performance.now()), REMEMBERED_NETWORKS)
    server.on('connection', (socket: Socket) => this.#connected(socket))
  }

  /** Connections that have not sent anything yet. */
  *unread(): Iterable<Socket> {
    for (const socket of this.#connections.keys()) if (socket.bytesRead === 0) yield socket
  }

  /** Whether a request is one too many, and has been answered. */
  refuses(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request
    if (this.#closing.has(socket)) {
      // Further requests in the same read: there may be thousands.
      this.#connections.get(socket)?.take(performance.now())
      return true
    }
    const isProxied = this.#settings.proxies.isTrusted(request)
    const rate = isProxied
      ? this.#rateOf(this.#settings.proxies.addressOf(request))
      : this.#connections.get(socket)
    if (!rate || rate.take(performance.now()) === 'ok') return false
    this.#warn(request)
    if (!isProxied) {
      response.setHeader('connection', 'close')
      this.#close(socket, rate)
    }
    answerError(response, TOO_MANY)
    return true
  }

  #connected(socket: Socket): void {
    const rate = this.#rateOf(socket.remoteAddress ?? '')
    if (rate && rate.available(performance.now()) < 0) {
      socket.destroy()
      return
    }
    if (this.#connections.has(socket)) return
    this.#connections.set(socket, rate)
    socket.once('close', () => this.#connections.delete(socket))
  }

  /** The limit of a network; none of the machine itself. */
  #rateOf(address: string): RateLimit | undefined {
    return isLocal(address) ? undefined : this.#rates.get(networkOf(address))
  }

  #close(refused: Socket, rate: RateLimit): void {
    this.#closing.add(refused)
    for (const [socket, other] of this.#connections) {
      if (other === rate && socket.bytesRead === 0) socket.destroy()
    }
  }

  #warn(request: IncomingMessage): void {
    const now = performance.now()
    if (now - this.#warnedAt < WARN_EVERY_MS) return
    this.#warnedAt = now
    const address = this.#settings.proxies.addressOf(request)
    this.#settings.log.warn(
      { address, requestRate: this.#settings.rate },
      'requests are refused: more came from this address than http({ requestRate }) allows; behind a proxy set trustProxy',
    )
  }
}

const isLocal = (address: string): boolean =>
  address === '' || address === '::1' || /^(::ffff:)?127\./.test(address)
