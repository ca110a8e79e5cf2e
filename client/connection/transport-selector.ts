import type { ClientTransport } from '../transports/transport.ts'
import { TransportMemory } from './transport-memory.ts'

/**
 * How long an attempt may wait for `welcome` while the round has another transport left to try, in milliseconds. It
 * doubles with each failed round.
 */
const WELCOME_WAIT_MS = 2_000

/** After this number of short-lived connections in a row, a transport is unstable and another one is tried. */
const MAX_SHORT_LIVED = 3

/**
 * Selects the transport of the next attempt.
 *
 * Attempts come in rounds. A round tries every transport once, and begins with the transport that worked last. If no
 * transport works, the server is down. If only a later one works, the network blocks the earlier ones.
 */
export class TransportSelector {
  readonly #transports: readonly ClientTransport[]
  readonly #memory: TransportMemory
  /** Short-lived connections in a row. */
  readonly #shortLived = new Map<ClientTransport, number>()
  #current = 0
  /** Transports that have failed in this round. */
  #failed = 0
  /** Failed rounds since the last `welcome`. */
  #failedRounds = 0
  /** Index of the transport that `better()` returned last. */
  #better = -1

  constructor(transports: readonly ClientTransport[], origin: string) {
    this.#transports = transports
    this.#memory = new TransportMemory(origin)
    this.begin()
  }

  /** The transport of the current connection, or of the next attempt. */
  get transport(): ClientTransport {
    return this.#transports[this.#current]!
  }

  /** Whether the current transport is the first of the list. */
  get isBest(): boolean {
    return this.#current === 0
  }

  /** Returns a transport that precedes the current one in the list: each call the next one, in turn. */
  better(): ClientTransport {
    this.#better = (this.#better + 1) % this.#current
    return this.#transports[this.#better]!
  }

  /** How long the next attempt may take, in milliseconds. Later rounds allow more time, for slow networks. */
  limit(connectTimeout: number): number {
    if (this.#failed === this.#transports.length - 1) return connectTimeout
    return Math.min(connectTimeout, WELCOME_WAIT_MS * 2 ** this.#failedRounds)
  }

  /** Begins a round. */
  begin(): void {
    const name = this.#memory.recall()
    const remembered = this.#transports.findIndex((transport) => transport.name === name)
    this.#current = Math.max(0, remembered)
    this.#failed = 0
  }

  /** Records that the server sent `welcome` over a transport. */
  welcomed(transport: ClientTransport): void {
    this.#current = this.#transports.indexOf(transport)
    this.#failedRounds = 0
    this.#memory.remember(this.isBest ? undefined : transport.name)
  }

  /**
   * Records that the attempt failed before `welcome`.
   *
   * @returns true to try another transport at once; false when a new round begins, which may wait
   */
  failed(): boolean {
    this.#current = (this.#current + 1) % this.#transports.length
    if (++this.#failed < this.#transports.length) return true
    this.#failedRounds++
    this.begin()
    return false
  }

  /**
   * Records that a connection ended after `welcome`.
   *
   * @param shortLived whether the connection ended too soon to be of use
   * @returns as `failed`
   */
  lost(shortLived: boolean): boolean {
    this.#shortLived.set(this.transport, shortLived ? (this.#shortLived.get(this.transport) ?? 0) + 1 : 0)
    if (this.isUnstable(this.transport)) return this.failed()
    if (!shortLived) this.begin()
    return false
  }

  /** Whether the last connections of a transport were short-lived. */
  isUnstable(transport: ClientTransport): boolean {
    return (this.#shortLived.get(transport) ?? 0) >= MAX_SHORT_LIVED
  }
}
