import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { networkOf } from '../../core/admission/network.ts'
import { RateLimit } from '../../core/admission/rate-limit.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { LruMap } from '../../core/util/lru-map.ts'
import { sendError } from './responses.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/** Most networks whose rate the server remembers. */
const REMEMBERED_NETWORKS = 10_000
/** Shortest time after a refusal in which the server drops new connections of the network, in ms. */
const BLOCK_MS = 2000
/** Time after a refusal in which a network may have only one unread connection at a time, in ms. */
const ONE_UNREAD_CONNECTION_MS = 10_000
/** Shortest time between two warnings about refused requests, in ms. */
const WARN_INTERVAL_MS = 10_000

export interface RequestLimitSettings {
  /** Requests a second of one network. */
  readonly rate: number
  /** Requests of one network at once. */
  readonly burst: number
  readonly proxies: TrustedProxies
  readonly log: Logger
}

/** Shared instance: creating an Error with a stack for each refused request is the expensive part of a flood. */
const TOO_MANY_REQUESTS = new RookeryError('rate_limited', 'Too many requests from this address')

/** The request rate of one network, and the state of its connections. */
class Network {
  readonly rate: RateLimit
  /** When the server last refused a request of the network, as of `performance.now()`. */
  refusedAt = Number.NEGATIVE_INFINITY
  /** The network's newest connection. */
  newest: Socket | undefined

  constructor(rate: number, burst: number) {
    this.rate = new RateLimit(rate, burst, performance.now())
  }

  /** Whether the server may read one more connection of the network. */
  admits(now: number): boolean {
    const since = now - this.refusedAt
    if (since < BLOCK_MS || this.rate.available(now) < 0) return false
    if (since > ONE_UNREAD_CONNECTION_MS || !this.newest) return true
    return this.newest.destroyed || this.newest.bytesRead > 0
  }
}

/**
 * Limits the rate of requests of each network, for the built-in server. A request over the limit is answered with
 * 429, and its connection is closed. Unread connections of the network are dropped. New connections are dropped for
 * two seconds, and for as long as the network is over its rate; after that, the network may have one unread
 * connection at a time until ten seconds have passed. Connections are dropped unread because Node parses everything
 * that one read returns: 64 KiB hold 1,700 of the smallest requests, which take 15 to 50 ms.
 *
 * Requests from the machine itself are not limited, since a proxy sends them. Behind trusted proxies, the limit
 * applies to the network of the client, and connections stay open, since they belong to the proxy.
 */
export class RequestLimit {
  readonly #settings: RequestLimitSettings
  readonly #networks: LruMap<Network>
  /** The open connections and their networks. */
  readonly #connections = new Map<Socket, Network | undefined>()
  readonly #closing = new WeakSet<Socket>()
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor(server: Server, settings: RequestLimitSettings) {
    this.#settings = settings
    const { rate, burst } = settings
    this.#networks = new LruMap(() => new Network(rate, burst), REMEMBERED_NETWORKS)
    server.on('connection', (socket: Socket) => this.#connected(socket))
  }

  /** Connections that have not sent a byte yet. */
  *unread(): Iterable<Socket> {
    for (const socket of this.#connections.keys()) if (socket.bytesRead === 0) yield socket
  }

  /** Whether a request is over the limit. If so, it has been answered. */
  refuses(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request
    const { proxies } = this.#settings
    const now = performance.now()
    if (this.#closing.has(socket)) {
      // A request in the same read as the refused one. There may be thousands.
      this.#connections.get(socket)?.rate.take(now)
      return true
    }
    const isProxied = proxies.isTrusted(request)
    const network = isProxied ? this.#networkOf(proxies.addressOf(request)) : this.#connections.get(socket)
    if (!network || network.rate.take(now) === 'ok') return false
    this.#warn(request)
    if (!isProxied) {
      network.refusedAt = now
      response.setHeader('connection', 'close')
      this.#close(socket, network)
    }
    sendError(response, TOO_MANY_REQUESTS)
    return true
  }

  #connected(socket: Socket): void {
    // The server emits `connection` a second time for an upgrade request that is handled as an ordinary request.
    if (this.#connections.has(socket)) return
    const { remoteAddress } = socket
    // A connection without an address has been reset by its peer. Node would still read what the peer has sent.
    const network = remoteAddress === undefined ? undefined : this.#networkOf(remoteAddress)
    if (remoteAddress === undefined || network?.admits(performance.now()) === false) {
      socket.destroy()
      return
    }
    if (network) network.newest = socket
    this.#connections.set(socket, network)
    socket.once('close', () => {
      this.#connections.delete(socket)
      if (network?.newest === socket) network.newest = undefined
    })
  }

  /** The network of an address. Undefined for the machine itself. */
  #networkOf(address: string): Network | undefined {
    return isLocal(address) ? undefined : this.#networks.get(networkOf(address))
  }

  #close(refused: Socket, network: Network): void {
    this.#closing.add(refused)
    for (const [socket, other] of this.#connections) {
      if (other === network && socket.bytesRead === 0) socket.destroy()
    }
  }

  #warn(request: IncomingMessage): void {
    const now = performance.now()
    if (now - this.#warnedAt < WARN_INTERVAL_MS) return
    this.#warnedAt = now
    const address = this.#settings.proxies.addressOf(request)
    this.#settings.log.warn(
      { address, requestRate: this.#settings.rate },
      'requests were refused: this address has sent more than http({ requestRate }) allows; behind a proxy, set trustProxy',
    )
  }
}

const isLocal = (address: string): boolean => address === '::1' || /^(::ffff:)?127\./.test(address)
