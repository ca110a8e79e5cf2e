import { parseNamedPattern, patternBelow } from '../../core/contract/pattern.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type {
  MessageFrame,
  ReplyFrame,
  SubscribeReply,
  UnsubscribedFrame,
} from '../../core/protocol/protocol.ts'
import { compilePattern, isReserved } from '../../core/topics/topic.ts'
import type { EncodedFrame } from '../transports/transport.ts'
import type { BackoffBounds } from '../util/backoff.ts'
import { RetryTimer } from '../util/retry-timer.ts'
import { reportRefusal } from './report-refusal.ts'
import type { RestoredHost } from './restored-host.ts'
import { isWanted, receiversOf, type ServerSubscription, wantedOf } from './server-subscription.ts'
import { type Listener, LocalSubscription } from './subscription.ts'
import { subscriptionRequest, subscriptionRequests } from './subscription-request.ts'

/**
 * Keeps the server's subscriptions equal to the local ones: one on the server for each pattern that has a listener.
 *
 * A change of the listeners and a reply of the server only mark the pattern as due. `peek()` compares what the
 * application wants with what the server holds, so changes that cancel each other out send nothing.
 */
export class Subscriptions {
  /** Largest frame that the server accepts, in bytes. */
  maxPayload = Number.POSITIVE_INFINITY
  readonly #host: RestoredHost
  readonly #byPattern = new Map<string, ServerSubscription>()
  readonly #due = new Set<ServerSubscription>()
  /** Requests without a reply yet, by their id. */
  readonly #requests = new Map<number, readonly ServerSubscription[]>()
  /** The request that is to be sent next. */
  #next: EncodedFrame | undefined
  readonly #retries: RetryTimer

  /** @param bounds wait before the client asks again for a pattern that was refused with a retryable error */
  constructor(bounds: BackoffBounds, host: RestoredHost) {
    this.#retries = new RetryTimer(bounds, () => this.#retry())
    this.#host = host
  }

  /**
   * @param local whether to ask nothing of the server
   * @param inRoom `rooms/<room>/` for a pattern of the topics of a room
   * @throws `invalid_pattern`, `reserved_topic`
   */
  add(given: string, listener: Listener, local = false, inRoom = ''): LocalSubscription {
    const pattern = inRoom + given
    const named = patternBelow(inRoom, parseNamedPattern(given))
    if (!local && isReserved(pattern)) throw new RookeryError('reserved_topic')
    const entry = this.#entry(named.pattern)
    const subscription = new LocalSubscription(pattern, named, listener, local, () => {
      entry.locals.delete(subscription)
      this.#mark(entry)
    })
    entry.locals.add(subscription)
    if (!local && entry.state === 'held') subscription.confirm()
    this.#mark(entry)
    return subscription
  }

  /** Returns the request to send next, until `shift()`. */
  peek(): EncodedFrame | undefined {
    this.#next ??= this.#request('unsubscribe') ?? this.#request('subscribe')
    return this.#next
  }

  /** The request of `peek()` has been sent. */
  shift(): void {
    this.#next = undefined
  }

  /**
   * Requests for all patterns that wait for no retry, for a connection that is not in use yet. Replies change no
   * state.
   */
  copy(): { requests: EncodedFrame[]; patterns: string[] } {
    const wanted = [...this.#byPattern.values()].filter((one) => isWanted(one) && one.state !== 'retrying')
    const patterns = wanted.map(({ pattern }) => pattern)
    const requests = subscriptionRequests(patterns, () => this.#host.nextId(), this.maxPayload)
    return { requests, patterns }
  }

  /** Handles the reply to a request of `peek()`. */
  onReply({ id, payload, error: ofFrame }: ReplyFrame): void {
    const batch = this.#requests.get(id)
    if (!batch) return
    this.#requests.delete(id)
    const { refused } = (payload ?? {}) as Partial<SubscribeReply>
    for (const entry of batch) {
      const error = ofFrame ?? refused?.find(({ topic }) => topic === entry.pattern)?.error
      if (entry.state === 'unsubscribing') entry.state = 'none'
      else if (error) this.#refused(entry, RookeryError.from(error))
      else {
        entry.state = 'held'
        for (const subscription of wantedOf(entry)) subscription.confirm()
      }
      this.#mark(entry)
    }
    if (![...this.#byPattern.values()].some(({ state }) => state === 'retrying')) this.#retries.succeeded()
  }

  /** The server has ended subscriptions. A pattern whose request is under way still gets its own reply. */
  revoke({ topics, error }: UnsubscribedFrame): void {
    for (const pattern of topics) {
      const entry = this.#byPattern.get(pattern)
      if (entry?.state === 'held') this.#fail(entry, RookeryError.from(error))
    }
  }

  /**
   * Marks all patterns as due, to subscribe to them on a new connection.
   *
   * @param copied patterns that the new connection has subscribed to already, by `copy()`. If the application has
   *   cancelled them since, they are due, too: the client unsubscribes from them
   */
  renew(copied: readonly string[] = []): void {
    this.#retries.reset()
    this.#next = undefined
    this.#requests.clear()
    for (const entry of [...this.#byPattern.values()]) {
      entry.state = 'none'
      this.#mark(entry)
    }
    for (const pattern of copied) {
      const entry = this.#entry(pattern)
      if (isWanted(entry)) continue
      entry.state = 'held'
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
    for (const subscription of this.#locals().filter(({ wanted }) => wanted)) {
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
    for (const subscription of receiversOf(message, this.#byPattern.values())) subscription.deliver(message)
  }

  #entry(pattern: string): ServerSubscription {
    let entry = this.#byPattern.get(pattern)
    if (!entry) {
      entry = { pattern, matches: compilePattern(pattern), locals: new Set(), state: 'none' }
      this.#byPattern.set(pattern, entry)
    }
    return entry
  }

  /** Makes a request for the due patterns, as many as fit into a frame. */
  #request(type: 'subscribe' | 'unsubscribe'): EncodedFrame | undefined {
    const isSubscribe = type === 'subscribe'
    const due = [...this.#due].filter(
      (entry) => isWanted(entry) === isSubscribe && entry.state === (isSubscribe ? 'none' : 'held'),
    )
    if (due.length === 0) {
      // The patterns that are still due need no request.
      if (isSubscribe) this.#due.clear()
      return undefined
    }
    const patterns = due.map(({ pattern }) => pattern)
    const { frame, count } = subscriptionRequest(type, this.#host.nextId(), patterns, this.maxPayload)
    const batch = due.slice(0, count)
    for (const entry of batch) this.#due.delete(entry)
    if (frame.bytes > this.maxPayload) {
      for (const entry of batch) this.#fail(entry, new RookeryError('payload_too_large'))
      return this.#request(type)
    }
    for (const entry of batch) entry.state = isSubscribe ? 'subscribing' : 'unsubscribing'
    this.#requests.set(frame.frame.id as number, batch)
    return frame
  }

  #refused(entry: ServerSubscription, error: RookeryError): void {
    if (!error.retryable) {
      this.#fail(entry, error)
      return
    }
    entry.state = 'retrying'
    this.#retries.start()
    const wanted = wantedOf(entry)
    // The refusals of further retries are not reported.
    const isNew = wanted.some(({ error: earlier }) => !earlier)
    for (const subscription of wanted) subscription.suspend(error)
    if (isNew) this.#report(entry, wanted, error)
  }

  /** Fails the subscriptions of a pattern. The client does not ask for the pattern again. */
  #fail(entry: ServerSubscription, error: RookeryError): void {
    const wanted = wantedOf(entry)
    entry.state = 'none'
    for (const subscription of wanted) {
      subscription.wanted = false
      subscription.fail(error)
    }
    this.#mark(entry)
    this.#report(entry, wanted, error)
  }

  #report(
    { pattern }: ServerSubscription,
    subscriptions: readonly LocalSubscription[],
    error: RookeryError,
  ): void {
    const name = `The server refused the subscription to ${JSON.stringify(pattern)}`
    reportRefusal(this.#host, subscriptions, name, error)
  }

  #retry(): void {
    for (const entry of [...this.#byPattern.values()]) {
      if (entry.state !== 'retrying') continue
      entry.state = 'none'
      this.#mark(entry)
    }
  }

  /** Marks a pattern as due, or forgets it if neither the application nor the server has a subscription to it. */
  #mark(entry: ServerSubscription): void {
    // A listener that was told of a state may have cancelled and subscribed again: then the map has a new entry.
    if (this.#byPattern.get(entry.pattern) !== entry) return
    if (isWanted(entry) || entry.state !== 'none') {
      this.#due.add(entry)
      this.#host.due()
      return
    }
    this.#due.delete(entry)
    if (entry.locals.size === 0) this.#byPattern.delete(entry.pattern)
  }

  #locals(): LocalSubscription[] {
    return [...this.#byPattern.values()].flatMap((entry) => [...entry.locals])
  }
}
