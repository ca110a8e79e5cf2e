import type { Msg, Subscription } from '@nats-io/transport-node'
import type { NodeChannel } from './node-channel.ts'
import { nodeOf, patternSubject, requestSubject } from './subjects.ts'

/**
 * Most subscriptions that drain at once. Each costs a round trip, and the NATS client removes the answers from the
 * beginning of an array, which takes long if the array is long.
 */
const MAX_DRAINING = 1000

/** Subscribes to the addresses at which this node receives requests. */
export class AddressSubscriptions {
  readonly #channel: NodeChannel
  readonly #prefix: string
  #draining = 0

  constructor(channel: NodeChannel, prefix: string) {
    this.#channel = channel
    this.#prefix = prefix
  }

  /**
   * Subscribes to an address: to the subject for external NATS clients, and to the subject for requests of nodes, unless
   * the address belongs to this node alone and one subject is enough.
   *
   * The subscriptions end by draining: requests that NATS has sent already are answered, so that the asking node does not
   * wait in vain. Past the limit they end at once.
   */
  subscribe(address: string, callback: (message: Msg) => void): { unsubscribe(): void } {
    const { node } = this.#channel
    const subjects = [patternSubject(this.#prefix, address)]
    if (nodeOf(address) === undefined) subjects.push(requestSubject(this.#prefix, node, address))
    const subscriptions = subjects.map((subject) => this.#channel.subscribe(subject, callback))
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
