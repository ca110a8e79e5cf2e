import type { Since } from '../../core/protocol/protocol.ts'
import { encodeFrame } from '../transports/frames.ts'
import type { EncodedFrame } from '../transports/transport.ts'
import {
  type RequestPart,
  type ServerSubscription,
  subscribeParts,
  unsubscribeParts,
} from './server-subscription.ts'

/** Most patterns in one frame. */
const MAX_PATTERNS_PER_FRAME = 128

interface SubscriptionRequest {
  readonly frame: EncodedFrame
  /** Number of patterns in the frame. */
  readonly count: number
}

/**
 * Encodes a request for the first of the patterns: as many as fit into a frame.
 *
 * @param maxPayload in bytes. Only a frame with one pattern may exceed it
 * @param since where the replay of a `subscribe` begins
 */
const subscriptionRequest = (
  type: 'subscribe' | 'unsubscribe',
  id: number,
  patterns: readonly string[],
  maxPayload: number,
  since?: Since,
): SubscriptionRequest => {
  for (let count = Math.min(patterns.length, MAX_PATTERNS_PER_FRAME); ; count = Math.ceil(count / 2)) {
    const topics = patterns.slice(0, count)
    const frame = encodeFrame({ type, id, topics, ...(since !== undefined && { since }) })
    if (frame.bytes <= maxPayload || count === 1) return { frame, count }
  }
}

/** Encodes requests to subscribe to all the patterns. */
const subscriptionRequests = (
  patterns: readonly string[],
  nextId: () => number,
  maxPayload: number,
): EncodedFrame[] => {
  const requests: EncodedFrame[] = []
  for (let from = 0; from < patterns.length; ) {
    const { frame, count } = subscriptionRequest('subscribe', nextId(), patterns.slice(from), maxPayload)
    requests.push(frame)
    from += count
  }
  return requests
}

/** A request that has been made, for several patterns. */
export interface PendingRequest {
  readonly parts: readonly RequestPart[]
  /** Where the replay begins that the request asks for. */
  readonly since: Since | undefined
}

interface SubscriptionRequestsHost {
  nextId(): number
  /** There may be something to send. */
  due(): void
  /** The request for one pattern is larger than the server accepts. */
  tooLarge(part: RequestPart): void
}

/** The requests for subscriptions: the next one, and the requests without a reply yet. */
export class SubscriptionRequests {
  /** Largest frame that the server accepts, in bytes. */
  maxPayload = Number.POSITIVE_INFINITY
  readonly #host: SubscriptionRequestsHost
  readonly #due = new Set<ServerSubscription>()
  /** By their id. */
  readonly #pending = new Map<number, PendingRequest>()
  /** The request that is to be sent next. */
  #next: EncodedFrame | undefined

  constructor(host: SubscriptionRequestsHost) {
    this.#host = host
  }

  /** A pattern may need a request. */
  add(entry: ServerSubscription): void {
    this.#due.add(entry)
    this.#host.due()
  }

  /** A pattern needs none. */
  delete(entry: ServerSubscription): void {
    this.#due.delete(entry)
  }

  /** Forgets the requests of a session. */
  clear(): void {
    this.#next = undefined
    this.#pending.clear()
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

  /** Returns the request of a reply. */
  take(id: number): PendingRequest | undefined {
    const request = this.#pending.get(id)
    this.#pending.delete(id)
    return request
  }

  /** Returns requests to subscribe to patterns, without replays. Their replies are not awaited here. */
  copy(patterns: readonly string[]): EncodedFrame[] {
    return subscriptionRequests(patterns, () => this.#host.nextId(), this.maxPayload)
  }

  /** Makes a request for the due patterns, as many as fit into a frame. */
  #request(type: 'subscribe' | 'unsubscribe'): EncodedFrame | undefined {
    const isSubscribe = type === 'subscribe'
    const due = isSubscribe
      ? subscribeParts(this.#due)
      : { parts: unsubscribeParts(this.#due), since: undefined }
    if (due.parts.length === 0) {
      // The patterns that are still due need no request, or wait for a reply.
      if (isSubscribe) this.#due.clear()
      return undefined
    }
    const { since } = due
    const patterns = due.parts.map(({ entry }) => entry.pattern)
    const { frame, count } = subscriptionRequest(type, this.#host.nextId(), patterns, this.maxPayload, since)
    const parts = due.parts.slice(0, count)
    if (frame.bytes > this.maxPayload) {
      for (const part of parts) this.#host.tooLarge(part)
      return this.#request(type)
    }
    for (const { entry, subscriptions } of parts) {
      entry.pending = type
      for (const subscription of subscriptions) subscription.place = 'asked'
    }
    this.#pending.set(frame.frame.id as number, { parts, since })
    return frame
  }
}
