import type { Random } from '../../../plugins/testing/random.ts'
import type { BalancerProcess } from '../balancer-process.ts'
import type { KeptClient } from './kept-client.ts'

/** Cuts each client off from the balancer now and then: at a random time, for a random time. */
export class NetworkCuts {
  count = 0
  readonly #random: Random
  readonly #balancer: BalancerProcess
  readonly #clients: readonly KeptClient[]
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(random: Random, balancer: BalancerProcess, clients: readonly KeptClient[]) {
    this.#random = random
    this.#balancer = balancer
    this.#clients = clients
  }

  /**
   * @param every mean time between two cuts of a client, in milliseconds
   * @param away mean time that it is away, in milliseconds
   */
  start(every: number, away: number): void {
    for (const { name } of this.#clients) this.#cutLater(name, every, away)
  }

  /** All clients can connect again. Idempotent. */
  stop(): void {
    for (const [client, timer] of this.#timers) {
      clearTimeout(timer)
      this.#balancer.heal(client)
    }
    this.#timers.clear()
  }

  #cutLater(client: string, every: number, away: number): void {
    const cut = () => {
      this.count++
      this.#balancer.cutOff(client)
      this.#wait(client, away, heal)
    }
    const heal = () => {
      this.#balancer.heal(client)
      this.#wait(client, every, cut)
    }
    this.#wait(client, every, cut)
  }

  #wait(client: string, mean: number, act: () => void): void {
    this.#timers.set(client, setTimeout(act, this.#random.below(2 * mean)))
  }
}
