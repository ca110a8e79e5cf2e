import { RookeryError } from '../../core/protocol/errors.ts'
import type { MessageFrame } from '../../core/protocol/protocol.ts'
import { Emitter } from '../util/emitter.ts'
import { runIsolated } from '../util/run-isolated.ts'

/** A published message, as the server sent it. */
export interface Message<P = unknown> {
  readonly topic: string
  readonly payload: P
  /** All topics of the event. Absent if the only one is `topic`. */
  readonly topics?: readonly string[]
  /** Place of the message in the history, if the topic has one. */
  readonly seq?: number
}

/**
 * Called with each message. It may be asynchronous. An error that it throws or rejects with is reported with
 * `reportError` and does not stop other listeners.
 */
export type Listener<P = unknown> = (payload: P, message: Message<P>) => unknown

/**
 * - `pending`: the server has not confirmed it yet, or not yet again after a reconnect
 * - `active`: the server has confirmed it
 * - `failed`: the server refused or ended it, for good; or it refused the client, and `client.connect()` tries again
 * - `cancelled`: ended by `cancel()` or `client.close()`
 */
export type SubscriptionState = 'pending' | 'active' | 'failed' | 'cancelled'

export interface Subscription {
  readonly pattern: string
  readonly state: SubscriptionState
  /** The server's error while the state is `failed`; otherwise undefined. */
  readonly error: RookeryError | undefined
  /**
   * Resolves when the server first confirms the subscription. You may leave it unobserved.
   *
   * @throws the server's error when the server refuses, `aborted` after `cancel()`, `client_closed` after
   * `client.close()`
   */
  readonly ready: Promise<void>
  /**
   * Calls the listener with each change of the state.
   *
   * @returns a function that removes the listener
   */
  on(event: 'state', listener: (state: SubscriptionState, error?: RookeryError) => void): () => void
  /** Ends the subscription. The listener is not called again. Idempotent. */
  cancel(): void
}

interface SubscriptionEvents {
  state: [state: SubscriptionState, error?: RookeryError]
}

/** One listener of the application on one pattern. `Subscriptions` sets its state. */
export class LocalSubscription implements Subscription {
  readonly pattern: string
  readonly ready: Promise<void>
  readonly #listener: Listener
  readonly #events = new Emitter<SubscriptionEvents>()
  readonly #onCancel: (subscription: LocalSubscription) => void
  #state: SubscriptionState = 'pending'
  #error: RookeryError | undefined
  #confirm!: () => void
  #refuse!: (error: RookeryError) => void

  constructor(pattern: string, listener: Listener, onCancel: (subscription: LocalSubscription) => void) {
    this.pattern = pattern
    this.#listener = listener
    this.#onCancel = onCancel
    this.ready = new Promise((resolve, reject) => {
      this.#confirm = resolve
      this.#refuse = reject
    })
    // The application may ignore `ready`: its rejection must not be an unhandled one.
    this.ready.catch(() => {})
  }

  get state(): SubscriptionState {
    return this.#state
  }

  get error(): RookeryError | undefined {
    return this.#error
  }

  on(event: 'state', listener: (...args: SubscriptionEvents['state']) => void): () => void {
    return this.#events.on(event, listener)
  }

  cancel(): void {
    this.end(new RookeryError('aborted', 'The subscription was cancelled'))
  }

  deliver(message: MessageFrame): void {
    // An earlier listener of the same message may have cancelled this subscription.
    if (this.#state === 'cancelled') return
    runIsolated(() => this.#listener(message.payload, message as Message))
  }

  /** The server has confirmed the pattern. */
  activate(): void {
    this.#confirm()
    this.#become('active')
  }

  /** The connection is lost: the next one subscribes again. */
  suspend(): void {
    this.#become('pending')
  }

  /** The server has refused or ended the pattern, or has refused the whole client. */
  fail(error: RookeryError): void {
    this.#refuse(error)
    this.#become('failed', error)
  }

  /** Cancels the subscription. `ready` rejects with the reason if it is not settled yet. */
  end(reason: RookeryError): void {
    if (this.#state === 'cancelled') return
    this.#refuse(reason)
    this.#onCancel(this)
    this.#become('cancelled')
  }

  #become(state: SubscriptionState, error?: RookeryError): void {
    if (this.#state === state || this.#state === 'cancelled') return
    this.#state = state
    this.#error = error
    this.#events.emit('state', state, error)
  }
}
