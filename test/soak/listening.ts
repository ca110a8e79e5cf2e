import type { Numbered } from './messages.ts'
import type { Violations } from './violations.ts'
import type { Windows } from './windows.ts'

/** What the subscriptions of all clients share. */
export interface DeliveryRecord {
  readonly violations: Violations
  /** Times in which messages between nodes may be lost: NATS is away. */
  readonly outages: Windows
  /** Messages that all subscriptions have got so far. */
  delivered: number
  /** Lost connections of all clients, by code. */
  readonly losses: Map<string, number>
}

interface Latest {
  readonly n: number
  readonly at: number
}

/**
 * One subscription of a client. Each message comes once and in the order of its node. While the subscription is active,
 * none is missing, unless NATS was away.
 */
export class Listening {
  readonly #name: string
  readonly #record: DeliveryRecord
  /** The node of the client's session. */
  readonly #home: () => string | undefined
  readonly #latest = new Map<string, Latest>()
  #activeSince: number | undefined
  #onActive: (() => void) | undefined

  /** @param name of the client and the pattern, for messages */
  constructor(name: string, record: DeliveryRecord, home: () => string | undefined) {
    this.#name = name
    this.#record = record
    this.#home = home
  }

  /** The server has confirmed the subscription. */
  activate(): void {
    this.#activeSince = Date.now()
    this.#onActive?.()
  }

  /** Calls the listener at once each time that the server confirms the subscription. */
  onActive(listener: () => void): void {
    this.#onActive = listener
  }

  /** The connection has ended, or the subscription. */
  deactivate(): void {
    this.#activeSince = undefined
  }

  take(topic: string, message: Numbered): void {
    const { node, n, at, after, afterAt } = message
    const { violations, outages } = this.#record
    this.#record.delivered++
    const key = `${topic} ${node}`
    const last = this.#latest.get(key)?.n ?? 0
    const where = `${this.#name}: ${n} of ${key} after ${last}`
    if (n === last) violations.add('delivered twice', where)
    else if (n < last) violations.add('order', where)
    if (n > last) this.#latest.set(key, { n, at })
    const since = this.#activeSince
    if (last >= after || since === undefined || afterAt <= since) return
    const isLocal = node === this.#home()
    if (isLocal || !outages.touch(afterAt, at)) {
      const age = `${after} was published ${afterAt - since} ms after the subscription was active`
      violations.add('gap', `${where}, ${age}, on ${isLocal ? 'its own' : 'another'} node`)
    }
  }

  /**
   * Whether a message that a node has published must have arrived and has not.
   *
   * @param at when the node published the message, or a moment before
   */
  misses(topic: string, node: string, n: number, at: number): boolean {
    const since = this.#activeSince
    if (since === undefined || at <= since || n === 0) return false
    if (node !== this.#home() && this.#record.outages.touch(at, at)) return false
    return (this.#latest.get(`${topic} ${node}`)?.n ?? 0) < n
  }

  toString(): string {
    return this.#name
  }
}
