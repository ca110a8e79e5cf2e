import { RookeryError } from './errors.ts'
import type { Session } from './session.ts'
import type { SessionHost } from './session-host.ts'

/** Who wants a pattern of a session: its client, the server, or both. */
const CLIENT = 1
const SERVER = 2

/** The patterns that a session receives, and on whose behalf. */
export class SessionPatterns {
  readonly #session: Session
  readonly #host: SessionHost
  readonly #wanted = new Map<string, number>()
  #ofClient = 0

  constructor(session: Session, host: SessionHost) {
    this.#session = session
    this.#host = host
  }

  get list(): readonly string[] {
    return [...this.#wanted.keys()]
  }

  /** Adds all patterns on the client's behalf, or throws and adds none. */
  addForClient(patterns: readonly string[]): void {
    if (this.#session.closed) return
    for (const pattern of patterns) this.#host.checkPattern(pattern)
    const added = new Set(patterns.filter((pattern) => !this.#has(pattern, CLIENT)))
    const { maxSubscriptions } = this.#host.limits
    if (this.#ofClient + added.size > maxSubscriptions) {
      throw new RookeryError('too_many_subscriptions', `A session may have ${maxSubscriptions} subscriptions`)
    }
    for (const pattern of added) this.#add(pattern, CLIENT)
    this.#ofClient += added.size
  }

  removeForClient(patterns: readonly string[]): void {
    for (const pattern of patterns) if (this.#remove(pattern, CLIENT)) this.#ofClient--
  }

  addForServer(pattern: string): void {
    this.#add(pattern, SERVER)
  }

  removeForServer(pattern: string): void {
    this.#remove(pattern, SERVER)
  }

  clear(): void {
    for (const pattern of this.#wanted.keys()) this.#host.unsubscribe(pattern, this.#session)
    this.#wanted.clear()
    this.#ofClient = 0
  }

  #has(pattern: string, who: number): boolean {
    return ((this.#wanted.get(pattern) ?? 0) & who) !== 0
  }

  #add(pattern: string, who: number): void {
    const wanted = this.#wanted.get(pattern)
    if (wanted === undefined) this.#host.subscribe(pattern, this.#session)
    this.#wanted.set(pattern, (wanted ?? 0) | who)
  }

  #remove(pattern: string, who: number): boolean {
    if (!this.#has(pattern, who)) return false
    const left = (this.#wanted.get(pattern) ?? 0) & ~who
    if (left) {
      this.#wanted.set(pattern, left)
    } else {
      this.#wanted.delete(pattern)
      this.#host.unsubscribe(pattern, this.#session)
    }
    return true
  }
}
