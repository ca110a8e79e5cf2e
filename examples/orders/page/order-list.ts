import { type Client, segment } from 'rookery/client'
import type { Order, OrdersContract } from '../contract.ts'
import type { Person } from '../people.ts'

/** A list that a component reads. */
export interface OrderSnapshot {
  /** Newest first. Undefined until the list is loaded. */
  readonly orders: readonly Order[] | undefined
  readonly error?: Error | undefined
}

/**
 * The orders that a person may see, as a store for `useSyncExternalStore`.
 *
 * The list is the state of the subscription. The client subscribes first, then loads the list, then delivers the changes that
 * came meanwhile. After a reconnect, the server's history has the missed changes. The list is loaded again after a gap only.
 */
export class OrderList {
  readonly #client: Client<OrdersContract>
  readonly #person: Person
  readonly #listeners = new Set<() => void>()
  /** By id. Undefined until the list is loaded. */
  #orders: Map<string, Order> | undefined
  #snapshot: OrderSnapshot = { orders: undefined }
  #stop = (): void => {}

  constructor(client: Client<OrdersContract>, person: Person) {
    this.#client = client
    this.#person = person
  }

  readonly get = (): OrderSnapshot => this.#snapshot

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    if (this.#listeners.size === 1) this.#start()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#stop()
    }
  }

  #start(): void {
    const { id, role } = this.#person
    // Staff may subscribe to the orders of all customers. The server refuses this pattern to a customer.
    const pattern = role === 'staff' ? 'orders/:customer/changed' : (`orders/${segment(id)}/changed` as const)
    const subscription = this.#client.subscribe(pattern, (order) => this.#apply(order), {
      state: async ({ signal }) => {
        const orders = await this.#client.call('orders/list', undefined, { signal })
        this.#orders = new Map(orders.map((order) => [order.id, order]))
        this.#publish()
      },
    })
    subscription.on('state', (_state, error) => this.#publish(error))
    this.#stop = () => subscription.cancel()
  }

  #apply(order: Order): void {
    const orders = this.#orders ?? new Map<string, Order>()
    // The list may have this change already.
    if (order.version <= (orders.get(order.id)?.version ?? 0)) return
    this.#orders = orders.set(order.id, order)
    this.#publish()
  }

  #publish(error?: Error): void {
    const orders = this.#orders && [...this.#orders.values()].sort((one, other) => other.at - one.at)
    this.#snapshot = { orders, error }
    for (const listener of this.#listeners) listener()
  }
}
