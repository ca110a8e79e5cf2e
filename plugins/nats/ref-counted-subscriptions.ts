import type { Subscription } from '@nats-io/transport-node'

interface Interest {
  count: number
  subscription: Subscription | undefined
}

/** Subscriptions on NATS, each kept for as long as somebody wants it. */
export class Interests {
  readonly #subscribe: (key: string) => Subscription | undefined
  readonly #interests = new Map<string, Interest>()
  #open = false

  /** @param subscribe subscribes to what a key stands for */
  constructor(subscribe: (key: string) => Subscription | undefined) {
    this.#subscribe = subscribe
  }

  get keys(): Iterable<string> {
    return this.#interests.keys()
  }

  /** One more wants it, or one less. Returns whether that was the first or the last. */
  change(key: string, wanted: boolean): boolean {
    const interest = this.#interests.get(key)
    if (wanted && interest) {
      interest.count++
    } else if (wanted) {
      this.#interests.set(key, { count: 1, subscription: this.#open ? this.#subscribe(key) : undefined })
      return true
    } else if (interest && --interest.count === 0) {
      this.#interests.delete(key)
      interest.subscription?.unsubscribe()
      return true
    }
    return false
  }

  /** Subscribes to all that is wanted, and from now on to what is wanted later. */
  open(): void {
    this.#open = true
    for (const [key, interest] of this.#interests) interest.subscription ??= this.#subscribe(key)
  }

  /** Ends the subscriptions; what is wanted is remembered. */
  close(): void {
    this.#open = false
    for (const interest of this.#interests.values()) {
      interest.subscription?.unsubscribe()
      interest.subscription = undefined
    }
  }
}
