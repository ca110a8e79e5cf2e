/** Milliseconds from a pending barrier to the next one. Requests that need a barrier within this time share one. */
const BARRIER_INTERVAL_MS = 5

/** A request that waits until nodes have handled all messages that were sent before a barrier. */
export interface BarrierWaiter {
  /** Position of the request among this node's requests and barriers. A barrier with a higher position counts for it. */
  readonly sequence: number
  /** Called when a node has handled the request, whether it answered or not. */
  passed(node: string): void
}

interface Barrier {
  readonly sequence: number
  readonly waiters: Set<BarrierWaiter>
  readonly passed: Set<string>
}

/**
 * Tells when a node has no more answers to a request that went to an unknown set of nodes. NATS keeps the order of the
 * messages from one node to another. A node that has answered a barrier, which goes to all nodes, has therefore sent
 * its answers to all earlier requests. Concurrent requests share a barrier.
 */
export class AnswerBarrier {
  readonly #sendBarrier: (id: string) => void
  readonly #nextSequence: () => number
  readonly #barriers = new Map<string, Barrier>()
  #latest: Barrier | undefined
  #lastSent = Number.NEGATIVE_INFINITY
  /** Waiters for the next barrier. */
  #queued = new Set<BarrierWaiter>()
  #timer: NodeJS.Timeout | undefined

  /**
   * @param nextSequence returns the position of the next request or barrier
   * @param sendBarrier sends a barrier to all nodes
   */
  constructor(nextSequence: () => number, sendBarrier: (id: string) => void) {
    this.#nextSequence = nextSequence
    this.#sendBarrier = sendBarrier
  }

  /** Adds a waiter to a barrier that counts for it: the latest one if that was sent after the request, or the next. */
  add(waiter: BarrierWaiter): void {
    const latest = this.#latest
    if (latest && latest.sequence > waiter.sequence && this.#barriers.has(String(latest.sequence))) {
      latest.waiters.add(waiter)
      for (const node of latest.passed) waiter.passed(node)
      return
    }
    this.#queued.add(waiter)
    const due = this.#lastSent + BARRIER_INTERVAL_MS - performance.now()
    // If no barrier is pending, requests come one after the other, and no other request would share this one.
    if (due <= 0 || this.#barriers.size === 0) this.#start()
    else this.#timer ??= setTimeout(() => this.#start(), due)
  }

  /** Removes a waiter. */
  remove(waiter: BarrierWaiter): void {
    this.#queued.delete(waiter)
    for (const [id, { waiters }] of this.#barriers) {
      if (waiters.delete(waiter) && waiters.size === 0) this.#barriers.delete(id)
    }
  }

  /** Takes the answer of a node to a barrier. */
  passed(id: string, node: string): void {
    const barrier = this.#barriers.get(id)
    if (!barrier) return
    barrier.passed.add(node)
    for (const waiter of [...barrier.waiters]) waiter.passed(node)
  }

  /** Removes all waiters. Their requests end by their own timeouts, or have failed. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#queued.clear()
    this.#barriers.clear()
  }

  #start(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#queued.size === 0) return
    const barrier = { sequence: this.#nextSequence(), waiters: this.#queued, passed: new Set<string>() }
    this.#queued = new Set()
    this.#latest = barrier
    this.#lastSent = performance.now()
    this.#barriers.set(String(barrier.sequence), barrier)
    this.#sendBarrier(String(barrier.sequence))
  }
}
