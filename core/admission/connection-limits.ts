import { RookeryError } from '../errors.ts'
import { type Entry, LinkedList } from '../linked-list.ts'
import { Recent } from '../recent.ts'
import type { Limits } from '../session-host.ts'
import { WaitingLines } from './handshake-queue.ts'
import { networkOf, REMEMBERED } from './network.ts'
import { NetworkIntake } from './network-intake.ts'
import { RateLimit } from './rate-limit.ts'

/** The place of one connection. */
export interface Place {
  /** The handshake is over. */
  welcomed(): void
  /** The connection is over. */
  left(): void
  /** Nobody but the peer is waited for: from now on it may have to make room for another, and is refused then. */
  idle(refuse: (error: RookeryError) => void): void
  /** It has said something. */
  busy(): void
}

/** A handshake that waits for its peer. */
interface Idle {
  readonly since: number
  readonly refuse: (error: RookeryError) => void
}

/** Counts who is in, and lets no more in than the limits say. */
export class Door {
  readonly #limits: Limits
  /** Apart from what sessions send: floods of that keep no newcomer waiting. */
  readonly #intake = new NetworkIntake()
  /** Handshakes, by network. */
  readonly #rates: Recent<RateLimit>
  /** Networks whose handshakes were too many. */
  readonly #late: WaitingLines
  readonly #byNetwork = new Map<string, number>()
  readonly #byUser = new Map<string, number>()
  /** The one that has waited longest first. */
  readonly #idle = new LinkedList<Idle>()
  #connections = 0
  #handshakes = 0

  constructor(limits: Limits) {
    this.#limits = limits
    const { handshakeRate, handshakeBurst } = limits
    this.#rates = new Recent(
      () => new RateLimit(handshakeRate, handshakeBurst, performance.now()),
      REMEMBERED,
    )
    this.#late = new WaitingLines((network) => this.#room(network))
  }

  /** Lets a connection begin its handshake. @throws `rate_limited`, `too_many_connections` */
  enter(address: string): Place {
    const { maxConnections, maxConnectionsPerAddress, maxHandshakes } = this.#limits
    const network = networkOf(address)
    if (!this.#rates.get(network).tryTake(performance.now())) throw TOO_MANY
    if (this.#connections >= maxConnections) throw full('The server has all the connections that it takes')
    const there = this.#byNetwork.get(network) ?? 0
    if (there >= maxConnectionsPerAddress) throw full('Too many connections from this address')
    if (this.#handshakes >= maxHandshakes) this.#makeRoom()
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

  /** Has a handshake begin in the turn of its network. */
  queue(address: string, begin: () => void): void {
    const act = () => {
      begin()
      return false
    }
    this.#intake.flow(address, act).ready()
  }

  /** Waits, if need be, until its network may begin one more handshake, or it is known that it will not be soon. */
  wait(address: string): Promise<void> | undefined {
    return this.#late.wait(networkOf(address))
  }

  /** Keeps nobody waiting any longer. */
  stopWaiting(): void {
    this.#late.clear()
  }

  /** For transports that can refuse a peer before it has a connection. @throws `rate_limited` */
  check(address: string): void {
    if (this.#room(networkOf(address)) < 1) throw TOO_MANY
  }

  /** How many handshakes a network may begin now. */
  #room(network: string): number {
    return this.#rates.peek(network)?.available(performance.now()) ?? Number.POSITIVE_INFINITY
  }

  /** Lets a user in once more; returns what to call when that connection is over. @throws `too_many_connections` */
  admit(user: string): () => void {
    const there = this.#byUser.get(user) ?? 0
    if (there >= this.#limits.maxConnectionsPerUser) throw full('Too many connections of this user')
    this.#byUser.set(user, there + 1)
    return once(() => decrement(this.#byUser, user))
  }

  /** Whoever says nothing must not keep those out who would. */
  #makeRoom(): void {
    const longest = this.#idle.first?.value
    if (longest && performance.now() - longest.since >= PATIENCE) {
      longest.refuse(full('Others are waiting to shake hands'))
    }
  }
}

/** Milliseconds that a peer may say nothing, however many others come. */
const PATIENCE = 1000

/** One for all: a flood of refusals should cost little. */
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
