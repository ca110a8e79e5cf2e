import { compileNamed, type NamedPattern } from '../../core/contract/pattern.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { GapReason, MessageFrame, Since } from '../../core/protocol/protocol.ts'
import type { BackoffBounds } from '../util/backoff.ts'
import { Emitter } from '../util/emitter.ts'
import { runIsolated } from '../util/run-isolated.ts'
import { Handle } from './handle.ts'
import { type LoadState, Snapshot } from './snapshot.ts'

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
  /** The message is older than the subscription, or than the connection: it comes from the history of the server. */
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

/** Events of a subscription, with the arguments of their listeners. */
export interface SubscriptionEvents {
  /** The state has changed, or the server has refused the subscription and the client asks again. */
  state: [state: SubscriptionState, error?: RookeryError]
  /** The subscription has got all kept messages since its position: the one of `since`, or the one before a reconnect. */
  recovered: []
  /**
   * Messages may be missing. The subscription goes on with the next message.
   *
   * `reason`: `expired` (the messages are no longer kept), `epoch` (the server keeps other messages than before), `ahead` (the
   * server has lost messages), `limit` (too many are missing), or `unavailable` (the server keeps none, or cannot read
   * them now)
   */
  gap: [gap: { readonly reason: GapReason }]
}

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
   * Adds a listener to an event.
   *
   * @returns a function that removes the listener
   * @example subscription.on('gap', ({ reason }) => reload(reason))
   */
  on<Name extends keyof SubscriptionEvents>(
    event: Name,
    listener: (...args: SubscriptionEvents[Name]) => void,
  ): () => void
  /** Ends the subscription. The listener is not called again. Idempotent. */
  cancel(): void
}

/** What a subscription of the application tells the subscriptions of the client. */
export interface LocalSubscriptionHost {
  /** Bounds of the wait before a state is loaded again. */
  readonly bounds: BackoffBounds
  /** The application has ended it. */
  cancelled(): void
  /** Its state has been loaded. */
  loaded(): void
  /** Its state could not be loaded. */
  failed(error: unknown): void
}

/** What a new subscription needs, beside its pattern and its listener. */
export interface NewSubscription {
  /** Whether to ask nothing of the server. */
  readonly local?: boolean
  readonly since?: Since | undefined
  readonly state?: LoadState | undefined
}

/** One listener of the application on one pattern. `Subscriptions` sets its state, and `Positions` its position. */
export class LocalSubscription extends Handle<Exclude<SubscriptionState, 'failed'>> implements Subscription {
  readonly pattern: string
  /** The pattern without names, as the server knows it. */
  readonly plain: string
  /** Whether the server is to have the pattern. A refusal for good ends that. */
  wanted: boolean
  /** Whether a request of this session has placed it: none yet; one is under way, or its replay; or it gets live messages. */
  place: 'none' | 'asked' | 'replaying' | 'live' = 'none'
  /** Where it goes on. Undefined if it needs no replay. */
  since: Since | undefined
  /** Whether it has lost its position, since the server had none. */
  isMissing = false
  readonly #match: ReturnType<typeof compileNamed>
  readonly #listener: Listener
  readonly #host: LocalSubscriptionHost
  readonly #events = new Emitter<Pick<SubscriptionEvents, 'recovered' | 'gap'>>()
  readonly #snapshot: Snapshot | undefined

  /** @param local whether the server is not to know the pattern */
  constructor(
    pattern: string,
    named: NamedPattern,
    listener: Listener,
    local: boolean,
    load: LoadState | undefined,
    host: LocalSubscriptionHost,
  ) {
    super({ pending: 'pending', confirmed: 'active', ended: 'cancelled' })
    this.pattern = pattern
    this.plain = named.pattern
    // Without names, the server's pattern is the same, and `dispatch` has matched it.
    this.#match = named.names[0] ? compileNamed(named) : () => ({})
    this.wanted = !local
    this.#listener = listener
    this.#host = host
    if (load) {
      const { bounds, loaded, failed } = host
      this.#snapshot = new Snapshot(load, bounds, {
        deliver: (message) => this.#call(message),
        loaded,
        failed,
      })
    }
    if (local) this.confirm()
  }

  /** Whether it has got everything up to the position of the session. */
  get isSettled(): boolean {
    return this.hasEnded || (this.since === undefined && !this.#snapshot?.isLoading)
  }

  on<Name extends keyof SubscriptionEvents>(
    event: Name,
    listener: (...args: SubscriptionEvents[Name]) => void,
  ): () => void {
    if (event === 'state') return this.onState(listener as (...args: SubscriptionEvents['state']) => void)
    return this.#events.on(event as 'recovered', listener as () => void)
  }

  cancel(): void {
    this.end(new RookeryError('aborted', 'The subscription was cancelled'))
  }

  deliver(message: MessageFrame): void {
    if (!this.#snapshot?.hold(message)) this.#call(message)
  }

  /** The server has confirmed it and replays messages now. */
  beginReplay(): void {
    if (this.place !== 'asked') return
    this.place = 'replaying'
    this.confirm()
  }

  /** It gets live messages from now on. */
  goLive(gap: GapReason | undefined, isReplayed: boolean): void {
    if (this.hasEnded) return
    this.place = 'live'
    this.since = undefined
    this.isMissing = false
    if (this.#snapshot && (gap || !this.#snapshot.isStarted)) this.#snapshot.start()
    this.confirm()
    if (gap) this.#events.emit('gap', { reason: gap })
    else if (isReplayed) this.#events.emit('recovered')
  }

  override fail(error: RookeryError): void {
    if (!this.wanted) this.since = undefined
    this.#snapshot?.stop()
    super.fail(error)
  }

  override end(reason: RookeryError): void {
    if (this.hasEnded) return
    this.wanted = false
    this.#snapshot?.stop()
    super.end(reason)
    this.#host.cancelled()
  }

  #call(message: MessageFrame): void {
    // An earlier listener of the same message may have cancelled this subscription.
    if (this.hasEnded) return
    const { topic, topics = [] } = message
    // A name stands for one segment, where the `*` of the server's pattern stands for more.
    const params = [topic, ...topics].map(this.#match).find(Boolean)
    if (params) runIsolated(() => this.#listener(message.payload, { ...(message as Message), params }))
  }
}
