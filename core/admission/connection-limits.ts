import { RookeryError } from '../protocol/errors.ts'
import { type Entry, LinkedList } from '../util/linked-list.ts'
import { LruMap } from '../util/lru-map.ts'
import { HandshakeQueue } from './handshake-queue.ts'
import { networkOf } from './network.ts'
import { RateLimit } from './rate-limit.ts'

/** Networks whose handshake rate the server remembers. */
const REMEMBERED_NETWORKS = 10_000
/** Milliseconds that a peer may be silent in its handshake before it can be refused in favour of a new one. */
const SILENT_HANDSHAKE_MS = 1000

/** One connection, as the limits count it. */
export interface Slot {
  /** Ends the handshake. */
  welcomed(): void
  /** Ends the connection. */
  left(): void
  /**
   * Marks that the handshake waits for the peer. From then on it may be refused in favour of a new handshake, by
   * `refuse`.
   */
  idle(refuse: (error: RookeryError) => void): void
  /** Marks that the peer has sent something. */
  busy(): void
}

/** A handshake that waits for its peer. */
interface Idle {
  readonly since: number
  readonly refuse: (error: RookeryError) => void
}

/** The limits that apply to connections and handshakes. */
export interface ConnectionLimitValues {
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxConnectionsPerUser: number
  readonly maxHandshakes: number
  /** Handshakes per second of one network. */
  readonly handshakeRate: number
  readonly handshakeBurst: number
}

/** Counts connections and handshakes, and refuses a connection that exceeds a limit. */
export class ConnectionLimits {
  readonly #limits: ConnectionLimitValues
  /** Handshake rates, by network. */
  readonly #rates: LruMap<RateLimit>
  readonly #queue: HandshakeQueue
  readonly #byNetwork = new Map<string, number>()
  readonly #byUser = new Map<string, number>()
  /** Handshakes that wait for their peers, the longest wait first. */
  readonly #idle = new LinkedList<Idle>()
  #connections = 0
  #handshakes = 0

  constructor(limits: ConnectionLimitValues) {
    this.#limits = limits
    const { handshakeRate, handshakeBurst } = limits
    this.#rates = new LruMap(
      () => new RateLimit(handshakeRate, handshakeBurst, performance.now()),
      REMEMBERED_NETWORKS,
    )
    this.#queue = new HandshakeQueue((network) => this.#available(network))
  }

  /** Counts a connection that begins its handshake. @throws `rate_limited`, `too_many_connections` */
  enter(address: string): Slot {
    const { maxConnections, maxConnectionsPerAddress, maxHandshakes } = this.#limits
    const network = networkOf(address)
    this.#take(network)
    if (this.#connections >= maxConnections) throw full('The server has reached its connection limit')
    const there = this.#byNetwork.get(network) ?? 0
    if (there >= maxConnectionsPerAddress) throw full('Too many connections from this address')
    if (this.#handshakes >= maxHandshakes) this.#refuseSilent()
    if (this.#handshakes >= maxHandshakes) throw full('Too many handshakes under way')
    this.#byNetwork.set(network, there + 1)
    this.#connections++
    this.#handshakes++
    let waiting: Entry<Idle> | undefined
    const busy = () => {
      if (waiting) this.#idle.delete(waiting)
    }
    const idle = (refuse: Idle['refuse']) => {
      busy()
      waiting = this.#idle.add({ since: performance.now(), refuse })
    }
    const welcomed = once(() => {
      busy()
      this.#handshakes--
    })
    const left = once(() => {
      welcomed()
      this.#connections--
      decrement(this.#byNetwork, network)
    })
    return { welcomed, left, idle, busy }
  }

  /**
   * Returns a promise if a handshake has to wait for the rate of its network. Check the rate again when it resolves.
   */
  wait(address: string): Promise<void> | undefined {
    return this.#queue.wait(networkOf(address))
  }

  /** Ends the wait of all handshakes. */
  stopWaiting(): void {
    this.#queue.clear()
  }

  /** Counts a handshake that has failed before there was a connection. @throws `rate_limited` */
  take(address: string): void {
    this.#take(networkOf(address))
  }

  /** Refuses a peer that has no connection yet. @throws `rate_limited` */
  check(address: string): void {
    if (this.#available(networkOf(address)) < 1) throw TOO_MANY
  }

  /** Counts a connection of a user. Returns a function that ends the count. @throws `too_many_connections` */
  admit(user: string): () => void {
    const there = this.#byUser.get(user) ?? 0
    if (there >= this.#limits.maxConnectionsPerUser) throw full('Too many connections of this user')
    this.#byUser.set(user, there + 1)
    return once(() => decrement(this.#byUser, user))
  }

  #take(network: string): void {
    if (!this.#rates.get(network).tryTake(performance.now())) throw TOO_MANY
  }

  /** How many handshakes a network may begin now. */
  #available(network: string): number {
    return this.#rates.peek(network)?.available(performance.now()) ?? Number.POSITIVE_INFINITY
  }

  #refuseSilent(): void {
    const longest = this.#idle.first?.value
    if (longest && performance.now() - longest.since >= SILENT_HANDSHAKE_MS) {
      longest.refuse(full('Other clients are waiting for a handshake'))
    }
  }
}

/** Shared instance: creating an Error with a stack for each refusal is the expensive part of a flood. */
const TOO_MANY = new RookeryError('rate_limited', 'Too many handshakes from this address')

const full = (message: string): RookeryError => new RookeryError('too_many_connections', message)

const decrement = (counts: Map<string, number>, key: string): void => {
  const count = (counts.get(key) ?? 0) - 1
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}

const once = (act: () => void): (() => void) => {
  let done = false
  return () => {
    if (done) return
    done = true
    act()
  }
}
