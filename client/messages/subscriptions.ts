import { parseNamedPattern, patternBelow } from '../../core/contract/pattern.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type {
  MessageFrame,
  ReplayedFrame,
  ReplyFrame,
  SubscribeReply,
  UnsubscribedFrame,
  WelcomeFrame,
} from '../../core/protocol/protocol.ts'
import { isReserved } from '../../core/topics/topic.ts'
import type { EncodedFrame } from '../transports/transport.ts'
import type { BackoffBounds } from '../util/backoff.ts'
import { RetryTimer } from '../util/retry-timer.ts'
import type { CursorStore } from './cursor-store.ts'
import { INBOX, Positions } from './positions.ts'
import { reportRefusal, stateError } from './report-refusal.ts'
import type { RestoredHost } from './restored-host.ts'
import {
  isWanted,
  joiningOf,
  type RequestPart,
  type ServerSubscription,
  wantedOf,
} from './server-subscription.ts'
import { type Listener, LocalSubscription, type NewSubscription } from './subscription.ts'
import { SubscriptionRequests } from './subscription-requests.ts'
import { SubscriptionTable } from './subscription-table.ts'

/**
 * Keeps the server's subscriptions equal to the local ones: one on the server for each pattern that has a listener.
 *
 * A change of the listeners and a reply of the server only mark the pattern as due. `requests.peek()` compares what the
 * application wants with what the server holds, so changes that cancel each other out send nothing. Listeners that need
 * a replay share a request if they have the same `since`.
 */
export class Subscriptions {
  readonly requests: SubscriptionRequests
  readonly positions: Positions
  readonly #host: RestoredHost
  readonly #bounds: BackoffBounds
  readonly #table: SubscriptionTable
  readonly #retries: RetryTimer

  /** @param bounds wait before the client asks again for a pattern that was refused with a retryable error */
  constructor(bounds: BackoffBounds, host: RestoredHost, cursors: Pick<CursorStore, 'initial' | 'changed'>) {
    this.#retries = new RetryTimer(bounds, () => this.#table.retry())
    this.#bounds = bounds
    this.#host = host
    this.positions = new Positions(cursors)
    this.requests = new SubscriptionRequests({
      nextId: () => host.nextId(),
      due: () => host.due(),
      tooLarge: (part) => this.#fail(part, new RookeryError('payload_too_large')),
    })
    this.#table = new SubscriptionTable(this.requests)
  }

  /** A session begins. */
  welcome({ maxPayload, cursor, inbox }: WelcomeFrame): void {
    const { positions } = this
    this.requests.maxPayload = maxPayload ?? Number.POSITIVE_INFINITY
    if (!inbox) positions.inbox?.cancel()
    else if (positions.inbox?.hasEnded !== false) {
      // The server sends the messages to the user from the beginning of the session.
      const since = positions.cursor ?? cursor
      positions.inbox = this.add(INBOX, () => {}, { since })
    }
    positions.welcome(cursor)
  }

  /**
   * @param inRoom `rooms/<room>/` for a pattern of the topics of a room
   * @throws `invalid_pattern`, `reserved_topic`
   */
  add(
    given: string,
    listener: Listener,
    { local = false, since, state }: NewSubscription = {},
    inRoom = '',
  ): LocalSubscription {
    const pattern = inRoom + given
    const named = patternBelow(inRoom, parseNamedPattern(given))
    if (!local && isReserved(pattern) && pattern !== INBOX) throw new RookeryError('reserved_topic')
    const entry = this.#table.get(named.pattern)
    const subscription = new LocalSubscription(pattern, named, listener, local, state, {
      bounds: this.#bounds,
      cancelled: () => {
        entry.locals.delete(subscription)
        this.positions.update()
        this.#table.mark(entry)
      },
      loaded: () => this.positions.update(),
      failed: (error) => this.#host.refused(stateError(pattern, error)),
    })
    entry.locals.add(subscription)
    if (!local) this.positions.add(subscription, state ? 'now' : since)
    this.#join(entry)
    this.#table.mark(entry)
    return subscription
  }

  /**
   * Requests for all patterns that wait for no retry, for a connection that is not in use yet. Replies change no
   * state. Nothing is replayed: the client subscribes again when it uses the connection.
   */
  copy(): { requests: EncodedFrame[]; patterns: string[] } {
    const isCopied = (entry: ServerSubscription) => isWanted(entry) && entry.pending !== 'retry'
    const patterns = this.#table.entries.filter(isCopied).map(({ pattern }) => pattern)
    return { requests: this.requests.copy(patterns), patterns }
  }

  /** Handles the reply to a request. */
  onReply({ id, payload, error: ofFrame }: ReplyFrame): void {
    const request = this.requests.take(id)
    if (!request) return
    const { refused, cursor } = (payload ?? {}) as Partial<SubscribeReply>
    const accepted: RequestPart[] = []
    for (const part of request.parts) {
      const { entry } = part
      const isSubscribe = entry.pending === 'subscribe'
      const error = ofFrame ?? refused?.find(({ topic }) => topic === entry.pattern)?.error
      entry.pending = undefined
      if (isSubscribe && error) this.#refused(part, RookeryError.from(error))
      else {
        entry.held = isSubscribe
        if (isSubscribe) accepted.push(part)
      }
    }
    const all = accepted.flatMap(({ subscriptions }) => subscriptions)
    if (accepted.length > 0) this.positions.confirmed(id, request.since, cursor, all)
    for (const { entry } of request.parts) {
      this.#join(entry)
      this.#table.mark(entry)
    }
    if (!this.#table.entries.some(({ pending }) => pending === 'retry')) this.#retries.succeeded()
  }

  /** The server has ended a replay, or has lost messages. */
  onReplayed(frame: ReplayedFrame): void {
    this.positions.ended(frame, this.#table.wanted)
  }

  /** The server has ended subscriptions. A listener whose request is under way still gets its own reply. */
  revoke({ topics, error }: UnsubscribedFrame): void {
    for (const pattern of topics) {
      const entry = this.#table.find(pattern)
      if (!entry?.held) continue
      entry.held = false
      const subscriptions = wantedOf(entry)
      if (!entry.pending) this.#fail({ entry, subscriptions }, RookeryError.from(error))
      // Asks again, and fails then.
      else for (const one of subscriptions) if (one.place === 'live') this.positions.fallBehind(one)
    }
  }

  /**
   * Marks all patterns as due, to subscribe to them on a new connection.
   *
   * @param copied patterns that the new connection has subscribed to already, by `copy()`. If the application has
   *   cancelled them since, they are due, too: the client unsubscribes from them
   */
  renew(copied: readonly string[] = []): void {
    this.#leave(false)
    for (const pattern of copied) {
      const entry = this.#table.get(pattern)
      if (isWanted(entry)) continue
      entry.held = true
      this.#table.mark(entry)
    }
  }

  /**
   * The connection is lost: all subscriptions are pending until the next one.
   *
   * @param error given when the server refuses this client: all subscriptions fail until `connect()`
   */
  reset(error?: RookeryError): void {
    this.#leave(true)
    for (const subscription of this.#table.wanted) {
      if (error) subscription.fail(error)
      else subscription.suspend()
    }
  }

  /** Cancels all subscriptions. */
  clear(reason: RookeryError): void {
    for (const subscription of this.#table.all) subscription.end(reason)
    this.reset()
  }

  /** Delivers a message once to each subscription that matches one of its topics and that needs it. */
  dispatch(message: MessageFrame): void {
    for (const subscription of this.#table.receiversOf(message))
      if (this.positions.isFor(subscription, message)) subscription.deliver(message)
  }

  /** The session ends: nothing is held or under way. */
  #leave(isLost: boolean): void {
    this.#retries.reset()
    this.requests.clear()
    this.positions.leave(this.#table.wanted, isLost)
    for (const entry of this.#table.entries) {
      entry.held = false
      entry.pending = undefined
      this.#table.mark(entry)
    }
  }

  /** Listeners that need nothing but a pattern that the server has get live messages. */
  #join(entry: ServerSubscription): void {
    for (const subscription of joiningOf(entry)) this.positions.join(subscription)
  }

  #refused({ entry, subscriptions }: RequestPart, error: RookeryError): void {
    // If the server has the pattern for others, they stay.
    const asked = entry.held ? subscriptions.filter(({ wanted }) => wanted) : wantedOf(entry)
    if (!error.retryable) {
      this.#fail({ entry, subscriptions: asked }, error)
      return
    }
    entry.pending = 'retry'
    this.#retries.start()
    // Only the first refusal is reported.
    const isNew = asked.some(({ error: earlier }) => !earlier)
    for (const subscription of asked) {
      subscription.place = 'none'
      subscription.suspend(error)
    }
    if (isNew) this.#report({ entry, subscriptions: asked }, error)
  }

  /** Fails subscriptions to a pattern. The client does not ask for them again. */
  #fail(part: RequestPart, error: RookeryError): void {
    for (const subscription of part.subscriptions) {
      subscription.wanted = false
      subscription.fail(error)
    }
    this.positions.update()
    this.#table.mark(part.entry)
    this.#report(part, error)
  }

  #report({ entry, subscriptions }: RequestPart, error: RookeryError): void {
    const name = `The server refused the subscription to ${JSON.stringify(entry.pattern)}`
    reportRefusal(this.#host, subscriptions, name, error)
  }
}
