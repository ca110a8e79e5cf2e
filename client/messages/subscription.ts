import { RookeryError } from '../../core/protocol/errors.ts'
import type { MessageFrame } from '../../core/protocol/protocol.ts'
import { Emitter } from '../util/emitter.ts'
import { runIsolated } from '../util/run-isolated.ts'

/** A published message as it came from the server. */
export interface Message<P = unknown> {
  readonly topic: string
  readonly payload: P
  /** The topics of the event, where `topic` is not one of them. */
  readonly topics?: readonly string[]
  /** Place in the history, where the topic has one. */
  readonly seq?: number
}

/** May be asynchronous. What it throws is reported (`reportError`) and hurts no other listener. */
export type Listener<P = unknown> = (payload: P, message: Message<P>) => unknown

/**
 * - `pending`: not confirmed by the server, or not yet again after a lost connection
 * - `active`: confirmed
 * - `failed`: refused, for good; or the whole client was refused, and `client.connect()` tries again
 * - `cancelled`: by `cancel()` or `client.close()`
 */
export type SubscriptionState = 'pending' | 'active' | 'failed' | 'cancelled'

export interface Subscription {
  readonly pattern: string
  readonly state: SubscriptionState
  /** Why it failed. */
  readonly error: RookeryError | undefined
  /**
   * Resolves when the server first confirms; rejects with the server's error when it refuses, with
   * `aborted` after `cancel()` and `client_closed` after `client.close()`. It may be left unobserved.
   */
  readonly ready: Promise<void>
  /** @returns a function that removes the listener */
  on(event: 'state', listener: (state: SubscriptionState, error?: RookeryError) => void): () => void
  /** Ends it; the listener is not called again. Idempotent. */
  cancel(): void
}

interface SubscriptionEvents {
  state: [state: SubscriptionState, error?: RookeryError]
}

/** One listener of the application on one pattern; its states are set by `Interests`. */
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
    // Nobody has to look at `ready`.
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
    // An earlier listener of the same message may have cancelled this one.
    if (this.#state === 'cancelled') return
    runIsolated(() => this.#listener(message.payload, message as Message))
  }

  /** The server has confirmed the pattern. */
  activate(): void {
    this.#confirm()
    this.#become('active')
  }

  /** The server does not hold the pattern, for now. */
  suspend(): void {
    this.#become('pending')
  }

  /** The server refused the pattern or the whole client. */
  fail(error: RookeryError): void {
    this.#refuse(error)
    this.#become('failed', error)
  }

  /** Cancels; `ready`, if nothing came of it yet, rejects with the reason. */
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
