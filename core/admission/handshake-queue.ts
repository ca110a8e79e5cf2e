import { LinkedList } from '../util/linked-list.ts'

/** Milliseconds between two looks at the queue. */
const TICK_MS = 10
/** Milliseconds that a handshake waits for its turn. In a long queue it may take a little longer. */
const HANDSHAKE_WAIT_MS = 500
/** Handshakes of one network whose wait may end in one tick; of a long queue, its part of `HANDSHAKE_WAIT_MS`. */
const MIN_EXPIRED_PER_TICK = 10

interface Waiting {
  readonly since: number
  readonly proceed: () => void
}

/**
 * Holds handshakes of networks that are over their rate, in order, until the rate admits them or half a second has
 * passed. A client that is refused at once would make its next attempt at once. Handshakes that came together expire
 * one after the other, for the same reason.
 */
export class HandshakeQueue {
  readonly #queues = new Map<string, LinkedList<Waiting>>()
  readonly #available: (network: string) => number
  #timer: ReturnType<typeof setInterval> | undefined

  /** @param available returns the number of handshakes that a network may begin now */
  constructor(available: (network: string) => number) {
    this.#available = available
  }

  /** Returns a promise if the handshake has to wait. The caller checks the rate again when it resolves. */
  wait(network: string): Promise<void> | undefined {
    const queue = this.#queues.get(network)
    if (!queue && this.#available(network) >= 1) return undefined
    return new Promise((proceed) => {
      this.#add(network, queue ?? new LinkedList(), { since: performance.now(), proceed })
    })
  }

  /** Ends the wait of all handshakes. */
  clear(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const queue of this.#queues.values()) for (const { proceed } of queue) proceed()
    this.#queues.clear()
  }

  #add(network: string, queue: LinkedList<Waiting>, waiting: Waiting): void {
    queue.add(waiting)
    this.#queues.set(network, queue)
    this.#timer ??= setInterval(this.#tick, TICK_MS)
  }

  readonly #tick = (): void => {
    const now = performance.now()
    for (const [network, queue] of this.#queues) {
      let available = this.#available(network)
      let expired = Math.max(MIN_EXPIRED_PER_TICK, (queue.size * TICK_MS) / HANDSHAKE_WAIT_MS)
      for (let next = queue.first; next; next = queue.first) {
        if (available >= 1) available--
        else if (expired > 0 && now - next.value.since >= HANDSHAKE_WAIT_MS) expired--
        else break
        queue.delete(next)
        next.value.proceed()
      }
      if (queue.size === 0) this.#queues.delete(network)
    }
    if (this.#queues.size === 0) this.clear()
  }
}
