import type { ClientTransport } from '../transports/transport.ts'
import { Memory } from './transport-memory.ts'

/** How long a transport may take to be welcomed, in milliseconds, while another has not been tried yet. */
const PATIENCE = 2_000

/** So many useless connections in a row, and another transport is tried. */
const USELESS = 3

/**
 * Which transport to use. Attempts come in rounds, each of which tries every transport once, beginning with what
 * worked last. A round in which none works means that the server is down; one in which a later one works means that
 * something on the way blocks the earlier ones.
 */
export class Route {
  readonly #transports: readonly ClientTransport[]
  readonly #memory: Memory
  /** Useless connections in a row. */
  readonly #useless = new Map<ClientTransport, number>()
  #current = 0
  /** How many of this round have failed. */
  #failed = 0
  /** How many rounds have failed since the last welcome. */
  #rounds = 0
  #better = -1

  constructor(transports: readonly ClientTransport[], origin: string) {
    this.#transports = transports
    this.#memory = new Memory(origin)
    this.begin()
  }

  /** The transport in use, or to be used next. */
  get transport(): ClientTransport {
    return this.#transports[this.#current]!
  }

  /** Whether no transport comes before the one in use in the order of preference. */
  get isBest(): boolean {
    return this.#current === 0
  }

  /** One of those that come before it, another one each time. */
  better(): ClientTransport {
    this.#better = (this.#better + 1) % this.#current
    return this.#transports[this.#better]!
  }

  /** How long the next attempt may take. Rounds grow more patient: a slow network is no blocked one. */
  limit(connectTimeout: number): number {
    if (this.#failed === this.#transports.length - 1) return connectTimeout
    return Math.min(connectTimeout, PATIENCE * 2 ** this.#rounds)
  }

  /** Begins a round. */
  begin(): void {
    const name = this.#memory.recall()
    const remembered = this.#transports.findIndex((transport) => transport.name === name)
    this.#current = Math.max(0, remembered)
    this.#failed = 0
  }

  welcomed(transport: ClientTransport): void {
    this.#current = this.#transports.indexOf(transport)
    this.#rounds = 0
    this.#memory.remember(this.isBest ? undefined : transport.name)
  }

  /**
   * The attempt has failed.
   *
   * @returns whether to try another transport at once; otherwise a new round begins, which may wait
   */
  failed(): boolean {
    this.#current = (this.#current + 1) % this.#transports.length
    if (++this.#failed < this.#transports.length) return true
    this.#rounds++
    this.begin()
    return false
  }

  /**
   * A connection that had been welcomed is lost.
   *
   * @param useless whether it was lost too soon to be of use
   * @returns as `failed`
   */
  lost(useless: boolean): boolean {
    this.#useless.set(this.transport, useless ? (this.#useless.get(this.transport) ?? 0) + 1 : 0)
    if (this.isSuspect(this.transport)) return this.failed()
    if (!useless) this.begin()
    return false
  }

  /** Whether a transport was useless so often that it has to prove itself. */
  isSuspect(transport: ClientTransport): boolean {
    return (this.#useless.get(transport) ?? 0) >= USELESS
  }
}
