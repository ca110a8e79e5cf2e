import { Recent } from '../recent.ts'
import { Intake } from './fair-queue.ts'
import { networkOf, REMEMBERED } from './network.ts'
import type { Flow } from './turns.ts'

/**
 * Shares the event loop among networks, for what peers send before anybody knows who they are: who opens more connections
 * gets no more of it. Within a network, its connections take turns.
 */
export class NetworkIntake {
  readonly #networks: Recent<Network>

  constructor() {
    // A proxy is one network, and all that a server has to do: it must not wait for itself.
    const intake = new Intake({ bulk: BULK, rests: false })
    this.#networks = new Recent(() => new Network(intake), REMEMBERED)
  }

  /** A connection's share of what its network has; `handle` as for `Intake.flow`. */
  flow(address: string, handle: () => boolean): Flow {
    return new Connection(this.#networks.get(networkOf(address)), handle)
  }
}

/** Milliseconds: less than sessions have, since what comes of it after the first `await` is as much again. */
const BULK = 0.2

class Network {
  readonly #flow: Flow
  /** The one that has waited longest first. */
  readonly #waiting: Connection[] = []

  constructor(intake: Intake) {
    this.#flow = intake.flow(() => this.#next())
  }

  wait(connection: Connection, bytes: number): void {
    this.#waiting.push(connection)
    this.#flow.ready(bytes)
  }

  #next(): boolean {
    const connection = this.#waiting.shift()
    if (connection?.serve()) this.#waiting.push(connection)
    return this.#waiting.length > 0
  }
}

class Connection implements Flow {
  readonly #network: Network
  readonly #handle: () => boolean
  #waiting = false

  constructor(network: Network, handle: () => boolean) {
    this.#network = network
    this.#handle = handle
  }

  ready(bytes = 0): void {
    if (this.#waiting) return
    this.#waiting = true
    this.#network.wait(this, bytes)
  }

  /** Tells whether it waits for its next turn. */
  serve(): boolean {
    this.#waiting = false
    const more = this.#handle()
    if (!more || this.#waiting) return false
    this.#waiting = true
    return true
  }
}
