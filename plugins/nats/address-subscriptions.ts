import type { Subscription } from '@nats-io/transport-node'

/**
 * Most subscriptions that drain at once. Each costs a round trip, and the NATS client removes the answers from an array,
 * which takes long if the array is long.
 */
const MAX_DRAINING = 1000

/** Ends the subscriptions of addresses. */
export class AddressSubscriptions {
  #draining = 0

  /**
   * Combines the subscriptions of one address. They end by draining: requests that NATS has sent already are answered,
   * so that the asking node does not wait for this one. Past the limit they end at once.
   */
  combine(subscriptions: readonly (Subscription | undefined)[]): { unsubscribe(): void } {
    return {
      unsubscribe: () => {
        for (const subscription of subscriptions) if (subscription) this.#end(subscription)
      },
    }
  }

  #end(subscription: Subscription): void {
    if (this.#draining >= MAX_DRAINING) {
      subscription.unsubscribe()
      return
    }
    this.#draining++
    const drained = () => void this.#draining--
    // Rejects if the connection has closed, which ends the subscription, too.
    subscription.drain().then(drained, drained)
  }
}
