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
 * - `failed`: the server refused or ended it, for good; or it refused the client, and `client.connect()` tries again. The
 *   listener still gets the messages that arrive and match, such as those addressed to the user or to a room
 * - `cancelled`: ended by `cancel()` or `client.close()`
 */
export type SubscriptionState = 'pending' | 'active' | 'failed' | 'cancelled'

export interface Subscription {
  readonly pattern: string
  readonly state: SubscriptionState
  /** The server's error while the state is `failed`, or `pending` because the client asks again later. */
  readonly error: RookeryError | undefined
  /**
   * Resolves when the server first confirms the subscription. You may leave it unobserved: if neither `ready` nor the
   * event `state` is in use, a refusal becomes an `error` event of the client.
   *
   * @throws the server's error when the server refuses, `aborted` after `cancel()`, `client_closed` after
   * `client.close()`
   */
  readonly ready: Promise<void>
  /**
   * Calls the listener with each change of the state, and with each refusal after which the client asks again.
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
  /** Whether the server is to have the pattern. A refusal for good ends that. */
  wanted: boolean
  /** Whether the application has asked for `ready` or listened to the state. */
  observed = false
  readonly #listener: Listener
  readonly #events = new Emitter<SubscriptionEvents>()
  readonly #onCancel: (subscription: LocalSubscription) => void
  #state: SubscriptionState = 'pending'
  #error: RookeryError | undefined
  #ready: Promise<void> | undefined
  #settle = (): void => {}
  /** What `ready` settles with. */
  #outcome: 'confirmed' | RookeryError | undefined

  /** @param local whether the server is not to know the pattern */
  constructor(
    pattern: string,
    listener: Listener,
    local: boolean,
    onCancel: (subscription: LocalSubscription) => void,
  ) {
    this.pattern = pattern
    this.wanted = !local
    this.#listener = listener
    this.#onCancel = onCancel
    if (local) this.activate()
  }

  get ready(): Promise<void> {
    this.observed = true
    if (!this.#ready) {
      this.#ready = new Promise((resolve, reject) => {
        this.#settle = () => {
          if (this.#outcome === 'confirmed') resolve()
          else if (this.#outcome) reject(this.#outcome)
        }
      })
      // The application may not wait for it: a rejection must not be an unhandled one.
      this.#ready.catch(() => {})
      this.#settle()
    }
    return this.#ready
  }

  get state(): SubscriptionState {
    return this.#state
  }

  get error(): RookeryError | undefined {
    return this.#error
  }

  on(event: 'state', listener: (...args: SubscriptionEvents['state']) => void): () => void {
    this.observed = true
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
    this.#settleWith('confirmed')
    this.#become('active')
  }

  /** The connection is lost: the next one subscribes again. Or, with an error, the client asks again later. */
  suspend(error?: RookeryError): void {
    if (this.wanted) this.#become('pending', error)
  }

  /**
   * The server has refused or ended the pattern, or has refused the whole client.
   *
   * @param final whether `client.connect()` is not to ask again
   */
  fail(error: RookeryError, final: boolean): void {
    if (!this.wanted) return
    this.wanted = !final
    this.#settleWith(error)
    this.#become('failed', error)
  }

  /** Cancels the subscription. `ready` rejects with the reason if it is not settled yet. */
  end(reason: RookeryError): void {
    if (this.#state === 'cancelled') return
    this.wanted = false
    this.#settleWith(reason)
    this.#onCancel(this)
    this.#become('cancelled')
  }

  #settleWith(outcome: 'confirmed' | RookeryError): void {
    this.#outcome ??= outcome
    this.#settle()
  }

  #become(state: SubscriptionState, error?: RookeryError): void {
    if ((this.#state === state && !error) || this.#state === 'cancelled') return
    this.#state = state
    this.#error = error
    this.#events.emit('state', state, error)
  }
}
