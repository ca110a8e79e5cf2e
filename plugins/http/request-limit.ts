import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { networkOf } from '../../core/admission/network.ts'
import { RateLimit } from '../../core/admission/rate-limit.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { LruMap } from '../../core/util/lru-map.ts'
import { answerError } from './answers.ts'
import type { Proxies } from './proxies.ts'

/** Networks whose rate the server remembers. */
const REMEMBERED_NETWORKS = 10_000
/** How long after a refusal a network's new connections are dropped at least, in ms. */
const BLOCK_MS = 2000
/** How long after a refusal a network has one connection at a time that has not been read, in ms. */
const PROBATION_MS = 10_000
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

/** What is known of a network. */
class Network {
  readonly rate: RateLimit
  /** When a request of it was refused last. */
  refusedAt = Number.NEGATIVE_INFINITY
  /** Its newest connection. */
  newest: Socket | undefined

  constructor(rate: number, burst: number) {
    this.rate = new RateLimit(rate, burst, performance.now())
  }

  /** Whether one more connection of it may be read. */
  admits(now: number): boolean {
    const since = now - this.refusedAt
    if (since < BLOCK_MS || this.rate.available(now) < 0) return false
    if (since > PROBATION_MS || !this.newest) return true
    return this.newest.destroyed || this.newest.bytesRead > 0
  }
}

/**
 * Limits the requests of each network to a server of the app's own. A request too many is answered with 429, and its
 * connection is closed. Connections of the network that have not been read are dropped, and so are new ones for two seconds,
 * or as long as the network has sent more than it may; then, for a while, they are let in one after the other. Node parses
 * all that a read brings, and 64 KiB hold 1,700 of the smallest requests, which take it 15 to 50 ms.
 *
 * Requests from the machine itself are not limited, they are a proxy's. Behind proxies that are trusted, the network is the
 * client's, and connections stay: they are the proxy's.
 */
export class RequestLimit {
  readonly #settings: RequestLimitSettings
  readonly #networks: LruMap<Network>
  /** The open connections. */
  readonly #connections = new Map<Socket, Network | undefined>()
  readonly #closing = new WeakSet<Socket>()
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor(server: Server, settings: RequestLimitSettings) {
    this.#settings = settings
    const { rate, burst } = settings
    this.#networks = new LruMap(() => new Network(rate, burst), REMEMBERED_NETWORKS)
    server.on('connection', (socket: Socket) => this.#connected(socket))
  }

  /** Connections that have not sent anything yet. */
  *unread(): Iterable<Socket> {
    for (const socket of this.#connections.keys()) if (socket.bytesRead === 0) yield socket
  }

  /** Whether a request is one too many, and has been answered. */
  refuses(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request
    const { proxies } = this.#settings
    const now = performance.now()
    if (this.#closing.has(socket)) {
      // Further requests in the same read: there may be thousands.
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
    answerError(response, TOO_MANY)
    return true
  }

  #connected(socket: Socket): void {
    // A request that asked for an upgrade in vain brings its connection a second time.
    if (this.#connections.has(socket)) return
    const { remoteAddress } = socket
    // Without an address, the peer has reset the connection. What it had sent would be read all the same.
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

  /** The network of an address; none for the machine itself. */
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
    if (now - this.#warnedAt < WARN_EVERY_MS) return
    this.#warnedAt = now
    const address = this.#settings.proxies.addressOf(request)
    this.#settings.log.warn(
      { address, requestRate: this.#settings.rate },
      'requests are refused: more came from this address than http({ requestRate }) allows; behind a proxy set trustProxy',
    )
  }
}

const isLocal = (address: string): boolean => address === '::1' || /^(::ffff:)?127\./.test(address)
