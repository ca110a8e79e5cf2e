import { RookeryError } from '../../core/protocol/errors.ts'
import { LruMap } from '../../core/util/lru-map.ts'

/** Number of names whose conflicts are remembered. */
const MAX_NAMES = 1_000

/** Bounds of the time after which a refused client comes back, in milliseconds. */
const MIN_WAIT_MS = 1_000
const MAX_WAIT_MS = 5_000

/** When a name was refused: first and last, in milliseconds of one clock. */
interface Conflict {
  first: number
  last: number
}

/**
 * Decides whether a client that is refused with `name_taken` may come back. It may for as long as the session that has the
 * name could be a stale one of the same client, whose connection is lost without notice. A session that is still there
 * after that time is alive.
 */
export class NameConflicts {
  readonly #staleMs: number
  readonly #conflicts = new LruMap<Conflict>(() => ({ first: 0, last: Number.NEGATIVE_INFINITY }), MAX_NAMES)

  /** @param staleMs longest life of a session whose connection is lost, in milliseconds */
  constructor(staleMs: number) {
    this.#staleMs = staleMs
  }

  /**
   * Returns the error for a refused client.
   *
   * @param key names the room and the member
   * @param now in milliseconds
   */
  refuse(key: string, { message }: RookeryError, now: number): RookeryError {
    const conflict = this.#conflicts.get(key)
    if (now - conflict.last > this.#staleMs) conflict.first = now
    conflict.last = now
    if (now - conflict.first > this.#staleMs) return new RookeryError('name_taken', message)
    const reconnectAfter = Math.round(MIN_WAIT_MS + Math.random() * (MAX_WAIT_MS - MIN_WAIT_MS))
    return new RookeryError('name_taken', message, { retryable: true, reconnectAfter })
  }
}
