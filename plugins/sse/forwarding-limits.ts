import { RateLimit } from '../../core/admission/rate-limit.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Limits } from '../../core/sessions/limits.ts'
import { LruMap } from '../../core/util/lru-map.ts'

/** Forwarded requests a second of one session, and at once. A session's client sends one request at a time. */
const REQUEST_RATE = 100
const REQUEST_BURST = 200

/** Most sessions whose rates this node remembers. */
const REMEMBERED_SESSIONS = 10_000

/**
 * Most bytes of requests that wait for the answers of one node. A node that answers within 5 ms can take 1.6 GB a second
 * within this limit, so only a node that does not answer reaches it.
 */
const MAX_WAITING_BYTES = 8 * 1024 * 1024

/** What a request takes in memory besides its body, in bytes, about. */
const REQUEST_BYTES = 4096

/** Shared instance: creating an Error with a stack for each refused request is the expensive part of a flood. */
const TOO_MANY = new RookeryError('rate_limited', 'Too many requests of this session')

/** Limits the requests that a node forwards: their rate by session, their bytes by owner. */
export class ForwardingLimits {
  readonly #rates: LruMap<{ readonly requests: RateLimit; readonly bytes: RateLimit }>
  /** Bytes of the requests that wait for an answer, by node. */
  readonly #waiting = new Map<string, number>()

  /** The bytes of a session have the rate that its owner applies to its frames. */
  constructor({ byteRate, byteBurst }: Pick<Limits, 'byteRate' | 'byteBurst'>) {
    this.#rates = new LruMap(() => {
      const now = performance.now()
      const requests = new RateLimit(REQUEST_RATE, REQUEST_BURST, now)
      return { requests, bytes: new RateLimit(byteRate, byteBurst, now) }
    }, REMEMBERED_SESSIONS)
  }

  /**
   * Forwards a request by calling `act`, if the limits allow it.
   *
   * @param bytes size of the request's body
   * @throws `rate_limited` if the session is over its rate, `node_unreachable` if too many requests wait for the owner
   */
  async forward<T>(owner: string, session: string, bytes: number, act: () => Promise<T>): Promise<T> {
    const now = performance.now()
    const rates = this.#rates.get(session)
    if (!rates.requests.tryTake(now) || !rates.bytes.tryTake(now, bytes)) throw TOO_MANY
    const size = bytes + REQUEST_BYTES
    const waiting = this.#waiting.get(owner) ?? 0
    if (waiting > 0 && waiting + size > MAX_WAITING_BYTES) {
      throw new RookeryError('node_unreachable', `Too many requests wait for node ${owner}`)
    }
    this.#waiting.set(owner, waiting + size)
    try {
      return await act()
    } finally {
      const left = (this.#waiting.get(owner) ?? 0) - size
      if (left > 0) this.#waiting.set(owner, left)
      else this.#waiting.delete(owner)
    }
  }
}
