/** One or more NATS subscriptions. */
interface Subscribed {
  unsubscribe(): void
  /** Unsubscribes. Resolves when all messages have come that NATS had already sent. Work of groups needs it. */
  drain?(): Promise<void>
}

interface Entry {
  count: number
  subscription: Subscribed | undefined
}

/** NATS subscriptions with reference counts: one for each key, from its first use to its last. */
export class RefCountedSubscriptions {
  readonly #subscribe: (key: string) => Subscribed | undefined
  readonly #entries = new Map<string, Entry>()
  #open = false

  /** @param subscribe subscribes to the subject that a key stands for */
  constructor(subscribe: (key: string) => Subscribed | undefined) {
    this.#subscribe = subscribe
  }

  get keys(): Iterable<string> {
    return this.#entries.keys()
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /** Adds a use of a key or removes one. Returns whether it was the first or the last. */
  change(key: string, wanted: boolean): boolean {
    const entry = this.#entries.get(key)
    if (wanted && entry) {
      entry.count++
    } else if (wanted) {
      this.#entries.set(key, { count: 1, subscription: this.#open ? this.#subscribe(key) : undefined })
      return true
    } else if (entry && --entry.count === 0) {
      this.#entries.delete(key)
      entry.subscription?.unsubscribe()
      return true
    }
    return false
  }

  /** Subscribes to all keys in use, and from now on to each new one. */
  open(): void {
    this.#open = true
    for (const [key, entry] of this.#entries) entry.subscription ??= this.#subscribe(key)
  }

  /** Ends the subscriptions. Resolves when all messages have come that NATS had already sent to them. */
  async drain(): Promise<void> {
    this.#open = false
    const draining: (Promise<void> | undefined)[] = []
    for (const entry of this.#entries.values()) {
      draining.push(entry.subscription?.drain?.())
      entry.subscription = undefined
    }
    // A subscription that NATS has refused or that the connection has lost is at its end.
    await Promise.allSettled(draining)
  }

  /** Ends the subscriptions, and keeps the counts for the next `open`. */
  close(): void {
    this.#open = false
    for (const entry of this.#entries.values()) {
      entry.subscription?.unsubscribe()
      entry.subscription = undefined
    }
  }
}
