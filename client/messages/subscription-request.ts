import { encodeFrame } from '../transports/frames.ts'
import type { EncodedFrame } from '../transports/transport.ts'

/** Most patterns in one frame. */
const MAX_PATTERNS_PER_FRAME = 128

export interface SubscriptionRequest {
  readonly frame: EncodedFrame
  /** Number of patterns in the frame. */
  readonly count: number
}

/**
 * Encodes a request for the first of the patterns: as many as fit into a frame.
 *
 * @param maxPayload in bytes. Only a frame with one pattern may exceed it
 */
export const subscriptionRequest = (
  type: 'subscribe' | 'unsubscribe',
  id: number,
  patterns: readonly string[],
  maxPayload: number,
): SubscriptionRequest => {
  for (let count = Math.min(patterns.length, MAX_PATTERNS_PER_FRAME); ; count = Math.ceil(count / 2)) {
    const frame = encodeFrame({ type, id, topics: patterns.slice(0, count) })
    if (frame.bytes <= maxPayload || count === 1) return { frame, count }
  }
}

/** Encodes requests to subscribe to all the patterns. */
export const subscriptionRequests = (
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
