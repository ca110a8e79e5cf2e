import { RookeryError } from '../../core/protocol/errors.ts'
import type { RoomState } from '../messages/room.ts'
import type { SubscriptionState } from '../messages/subscription.ts'
import type { Client } from '../types.ts'
import { Store } from './store.ts'

/** What the stores of one tree of components have in common. */
export interface StoreHost {
  readonly client: Client
  /** Milliseconds for which a store keeps its handle without listeners. */
  readonly linger: number
  /** The stores that have a key and are in use. */
  readonly shared: Map<string, unknown>
}

/**
 * - `pending`: the server has not confirmed it yet, or not yet again after a lost connection
 * - `active`: the server has confirmed it
 * - `failed`: the server refused or ended it, or the client is closed
 */
export type HandleStatus = 'pending' | 'active' | 'failed'

interface Handle {
  readonly state: SubscriptionState | RoomState
  readonly error: RookeryError | undefined
}

/**
 * A store that holds something on the server, through a handle of the client: while the store has listeners, and for the
 * linger after that. So a listener that comes back in this time costs no frame. Creating a store has no side effect.
 *
 * Stores of one host with the same key act as one: the first of them that gets a listener.
 */
export abstract class HandleStore<
  Held extends Handle,
  Snapshot extends { readonly error?: Error | undefined },
> extends Store<Snapshot> {
  protected readonly host: StoreHost
  /** Undefined while the store is not in use, and while the client is closed. */
  protected handle: Held | undefined
  protected status: HandleStatus = 'pending'
  readonly #key: string | undefined
  #unfollow: (() => void) | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(host: StoreHost, initial: Snapshot, key?: string) {
    super(initial)
    this.host = host
    this.#key = key
  }

  /**
   * Opens a handle. If the client is closed and connects again, the store opens another one.
   *
   * @param changed is to be called with each change of the handle's state
   */
  protected abstract open(changed: () => void): Held

  protected abstract close(handle: Held): void

  /** The status has changed, or the server has refused again. */
  protected abstract changed(error: RookeryError | undefined): void

  protected override get current(): this {
    return ((this.#key && this.host.shared.get(this.#key)) ?? this) as this
  }

  protected override add(listener: () => void): () => void {
    clearTimeout(this.#timer)
    const remove = super.add(listener)
    if (!this.#unfollow) this.#start()
    return () => {
      remove()
      if (this.listeners.size) return
      clearTimeout(this.#timer)
      // A component that is mounted again after an error tries again.
      this.#timer = setTimeout(() => this.#stop(), this.get().error ? 0 : this.host.linger)
    }
  }

  #start(): void {
    this.#follow()
    this.#unfollow = this.host.client.on('state', () => this.#follow())
    if (this.#key) this.host.shared.set(this.#key, this)
  }

  #stop(): void {
    clearTimeout(this.#timer)
    if (this.#key) this.host.shared.delete(this.#key)
    this.#unfollow?.()
    this.#unfollow = undefined
    if (this.handle) this.close(this.handle)
    this.handle = undefined
    this.#become('pending')
  }

  #follow(): void {
    const { client } = this.host
    if (this.handle?.state === 'cancelled' || this.handle?.state === 'left') this.handle = undefined
    if (!this.handle && this.listeners.size && client.state !== 'closed')
      this.handle = this.open(() => this.#follow())
    const { state, error } = this.handle ?? { state: 'failed', error: new RookeryError('client_closed') }
    // A local subscription is active without a connection, but misses messages.
    if (client.state === 'open' && (state === 'active' || state === 'joined')) this.#become('active')
    // Without listeners, the store does not ask the server again.
    else if (!this.listeners.size) this.#stop()
    else this.#become(state === 'failed' ? state : 'pending', error)
  }

  #become(status: HandleStatus, error?: RookeryError): void {
    if (status === this.status && !error) return
    this.status = status
    this.changed(error)
  }
}
