import { compileNamed, type NamedPattern } from '../../core/contract/pattern.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { MessageFrame } from '../../core/protocol/protocol.ts'
import { runIsolated } from '../util/run-isolated.ts'
import { Handle } from './handle.ts'

/** A published message, as the server sent it. */
export interface Message<P = unknown> extends MessageDetails {
  readonly topic: string
  readonly payload: P
}

/** What a message has besides its topic and its payload. */
export interface MessageDetails<Params = Readonly<Record<string, string>>> {
  /** All topics of the event. Absent if the only one is `topic`. */
  readonly topics?: readonly string[]
  /** Position of the message in the history, if the server keeps its topic. */
  readonly cursor?: string
  /** The message is older than the subscription, or than the connection: it comes from the history. */
  readonly replayed?: true
  /** false: the server was to keep the message and could not. The client does not get it again after a reconnect. */
  readonly kept?: false
  /** Segments of the topic, by their names in the pattern of the subscription: `rooms/:room/messages` has `params.room`. */
  readonly params: Params
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

/** One listener of the application on one pattern. `Subscriptions` sets its state. */
export class LocalSubscription extends Handle<Exclude<SubscriptionState, 'failed'>> implements Subscription {
  readonly pattern: string
  /** Whether the server is to have the pattern. A refusal for good ends that. */
  wanted: boolean
  readonly #match: ReturnType<typeof compileNamed>
  readonly #listener: Listener
  readonly #onCancel: () => void

  /** @param local whether the server is not to know the pattern */
  constructor(
    pattern: string,
    named: NamedPattern,
    listener: Listener,
    local: boolean,
    onCancel: () => void,
  ) {
    super({ pending: 'pending', confirmed: 'active', ended: 'cancelled' })
    this.pattern = pattern
    // Without names, the server's pattern is the same, and `dispatch` has matched it.
    this.#match = named.names[0] ? compileNamed(named) : () => ({})
    this.wanted = !local
    this.#listener = listener
    this.#onCancel = onCancel
    if (local) this.confirm()
  }

  on(_event: 'state', listener: (state: SubscriptionState, error?: RookeryError) => void): () => void {
    return this.onState(listener)
  }

  cancel(): void {
    this.end(new RookeryError('aborted', 'The subscription was cancelled'))
  }

  deliver(message: MessageFrame): void {
    // An earlier listener of the same message may have cancelled this subscription.
    if (this.hasEnded) return
    const { topic, topics = [] } = message
    // A name stands for one segment, where the `*` of the server's pattern stands for more.
    const params = [topic, ...topics].map(this.#match).find(Boolean)
    if (params) runIsolated(() => this.#listener(message.payload, { ...(message as Message), params }))
  }

  override end(reason: RookeryError): void {
    if (this.hasEnded) return
    this.wanted = false
    this.#onCancel()
    super.end(reason)
  }
}
