import { RookeryError } from '../../core/protocol/errors.ts'
import type {
  MessageFrame,
  ReplyFrame,
  SubscribeReply,
  UnsubscribedFrame,
} from '../../core/protocol/protocol.ts'
import { compilePattern, isReserved } from '../../core/topics/topic.ts'
import { encodeFrame } from '../transports/frames.ts'
import type { EncodedFrame } from '../transports/transport.ts'
import { type BackoffBounds, backoff } from '../util/backoff.ts'
import { type Listener, LocalSubscription } from './subscription.ts'

/** Most patterns in one frame. A pattern has at most 255 bytes, so the frame stays below the server's 64 KiB. */
const MAX_PATTERNS_PER_FRAME = 128

/** The server's subscription to one pattern, and the listeners of the application on it. */
interface ServerSubscription {
  readonly pattern: string
  readonly matches: (topic: string) => boolean
  readonly locals: Set<LocalSubscription>
  /**
   * At most one request for a pattern is under way.
   *
   * - `held`: the server has confirmed the subscription and not ended it
   * - `retrying`: the server refused with a retryable error; the client asks again later
   */
  state: 'none' | 'subscribing' | 'held' | 'unsubscribing' | 'retrying'
  /** Whether the server has confirmed the pattern once, on any connection. */
  confirmed: boolean
  /** Whether the pattern needs a frame of its own, because the server refused a frame with several patterns. */
  alone: boolean
}

/**
 * Keeps the server's subscriptions equal to the local ones: one on the server for each pattern that has a listener.
 *
 * A change of the listeners and a reply of the server only mark the pattern as due. `frames()` compares what the
 * application wants with what the server holds, so changes that cancel each other out send nothing.
 */
export class Subscriptions {
  readonly #nextId: () => number
  readonly #onDue: () => void
  readonly #bounds: BackoffBounds
  readonly #byPattern = new Map<string, ServerSubscription>()
  readonly #due = new Set<ServerSubscription>()
  /** Requests without a reply yet, by their id. */
  readonly #requests = new Map<number, readonly ServerSubscription[]>()
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #failures = 0

  /**
   * @param bounds wait before a refused pattern is asked for again
   * @param onDue called when `frames()` may have something to send
   */
  constructor(bounds: BackoffBounds, nextId: () => number, onDue: () => void) {
    this.#bounds = bounds
    this.#nextId = nextId
    this.#onDue = onDue
  }

  /** @throws `invalid_pattern`, `reserved_topic` */
  add(pattern: string, listener: Listener): LocalSubscription {
    let entry = this.#byPattern.get(pattern)
    if (!entry) {
      const matches = compilePattern(pattern)
      if (isReserved(pattern)) throw new RookeryError('reserved_topic')
      entry = { pattern, matches, locals: new Set(), state: 'none', confirmed: false, alone: false }
      this.#byPattern.set(pattern, entry)
    }
    const subscription = new LocalSubscription(pattern, listener, (cancelled) => this.#remove(cancelled))
    entry.locals.add(subscription)
    if (entry.state === 'held') subscription.activate()
    this.#mark(entry)
    return subscription
  }

  /** Returns the requests to send now. */
  frames(): EncodedFrame[] {
    const due = [...this.#due]
    this.#due.clear()
    const dropped = due.filter((entry) => entry.locals.size === 0 && entry.state === 'held')
    const wanted = due.filter((entry) => entry.locals.size > 0 && entry.state === 'none')
    const together = wanted.filter((entry) => !entry.alone)
    return [
      ...chunk(dropped).map((batch) => this.#request('unsubscribe', batch)),
      ...chunk(together).map((batch) => this.#request('subscribe', batch)),
      ...wanted.filter((entry) => entry.alone).map((entry) => this.#request('subscribe', [entry])),
    ]
  }

  /** Returns requests for all patterns that wait for no retry, for a connection that is not in use yet. Their replies change no state here. */
  copy(): EncodedFrame[] {
    const wanted = [...this.#byPattern.values()].filter(
      ({ locals, state }) => locals.size > 0 && state !== 'retrying',
    )
    return chunk(wanted).map((batch) => encodeRequest('subscribe', this.#nextId(), batch))
  }

  /** Handles the reply to a request of `frames()`. Ignores other replies. */
  onReply({ id, payload, error: ofFrame }: ReplyFrame): void {
    const batch = this.#requests.get(id)
    if (!batch) return
    this.#requests.delete(id)
    const { refused } = (payload ?? {}) as Partial<SubscribeReply>
    for (const entry of batch) {
      const error = ofFrame ?? refused?.find(({ topic }) => topic === entry.pattern)?.error
      if (entry.state === 'unsubscribing') entry.state = 'none'
      else if (!error) this.#confirmed(entry)
      else this.#refused(entry, RookeryError.from(error), !!ofFrame && batch.length > 1)
      this.#mark(entry)
    }
  }

  /** The server has ended subscriptions. A pattern whose request is under way still gets its own reply. */
  revoke({ topics, error }: UnsubscribedFrame): void {
    for (const pattern of topics) {
      const entry = this.#byPattern.get(pattern)
      if (entry?.state === 'held') this.#fail(entry, RookeryError.from(error))
    }
  }

  /** Marks all patterns as due, to subscribe to them on a new connection. */
  renew(): void {
    clearTimeout(this.#retryTimer)
    this.#retryTimer = undefined
    this.#failures = 0
    this.#requests.clear()
    for (const entry of [...this.#byPattern.values()]) {
      entry.state = 'none'
      entry.alone = false
      this.#mark(entry)
    }
  }

  /**
   * The connection is lost: all subscriptions are pending until the next one.
   *
   * @param error given when the server refuses this client: all subscriptions fail until `connect()`
   */
  reset(error?: RookeryError): void {
    this.renew()
    for (const subscription of this.#locals()) {
      if (error) subscription.fail(error)
      else subscription.suspend()
    }
  }

  /** Cancels all subscriptions. */
  clear(reason: RookeryError): void {
    for (const subscription of this.#locals()) subscription.end(reason)
    this.reset()
  }

  /** Delivers a message once to each subscription that matches one of its topics. */
  dispatch(message: MessageFrame): void {
    const receivers = new Set<LocalSubscription>()
    const topics = [message.topic, ...(message.topics ?? [])]
    for (const { matches, locals } of this.#byPattern.values()) {
      if (topics.some(matches)) for (const subscription of locals) receivers.add(subscription)
    }
    for (const subscription of receivers) subscription.deliver(message)
  }

  #request(type: 'subscribe' | 'unsubscribe', batch: readonly ServerSubscription[]): EncodedFrame {
    const id = this.#nextId()
    this.#requests.set(id, batch)
    for (const entry of batch) entry.state = type === 'subscribe' ? 'subscribing' : 'unsubscribing'
    return encodeRequest(type, id, batch)
  }

  #confirmed(entry: ServerSubscription): void {
    entry.state = 'held'
    entry.confirmed = true
    entry.alone = false
    this.#failures = 0
    for (const subscription of [...entry.locals]) subscription.activate()
  }

  #refused(entry: ServerSubscription, error: RookeryError, batched: boolean): void {
    if (error.retryable && entry.confirmed && !batched) {
      // The server confirmed this pattern on an earlier connection: a temporary error must not end the subscription.
      entry.state = 'retrying'
      this.#retryTimer ??= setTimeout(() => this.#retry(), backoff(this.#failures++, this.#bounds))
      return
    }
    entry.alone = batched
    if (batched) entry.state = 'none'
    else this.#fail(entry, error)
  }

  /** Fails the subscriptions of a pattern. The client does not ask for the pattern again. */
  #fail(entry: ServerSubscription, error: RookeryError): void {
    const refused = [...entry.locals]
    entry.state = 'none'
    entry.locals.clear()
    this.#mark(entry)
    for (const subscription of refused) subscription.fail(error)
  }

  #retry(): void {
    this.#retryTimer = undefined
    for (const entry of [...this.#byPattern.values()]) {
      if (entry.state !== 'retrying') continue
      entry.state = 'none'
      this.#mark(entry)
    }
  }

  #remove(subscription: LocalSubscription): void {
    const entry = this.#byPattern.get(subscription.pattern)
    if (entry?.locals.delete(subscription)) this.#mark(entry)
  }

  /** Marks a pattern as due, or forgets it if neither the application nor the server has a subscription to it. */
  #mark(entry: ServerSubscription): void {
    if (entry.locals.size > 0 || entry.state !== 'none') {
      this.#due.add(entry)
      this.#onDue()
      return
    }
    this.#due.delete(entry)
    // A listener that was told of the refusal may have subscribed again: then the map has a new entry.
    if (this.#byPattern.get(entry.pattern) === entry) this.#byPattern.delete(entry.pattern)
  }

  #locals(): LocalSubscription[] {
    return [...this.#byPattern.values()].flatMap((entry) => [...entry.locals])
  }
}

const encodeRequest = (
  type: 'subscribe' | 'unsubscribe',
  id: number,
  batch: readonly ServerSubscription[],
): EncodedFrame => encodeFrame({ type, id, topics: batch.map(({ pattern }) => pattern) })

const chunk = <T>(items: readonly T[]): T[][] =>
  items.length > 0
    ? [items.slice(0, MAX_PATTERNS_PER_FRAME), ...chunk(items.slice(MAX_PATTERNS_PER_FRAME))]
    : []
