import type { Logger } from '../../core/util/logger.ts'
import { within } from '../../core/util/promises.ts'

/** Longest time that NATS may take to confirm subscriptions: as long as a request waits for answers. */
const FLUSH_WAIT_MS = 1000

/** Knows whether NATS has the subscriptions of this node. One flush confirms all that are added in a turn of the event loop. */
export class SubscriptionFlush {
  readonly #flush: () => Promise<void>
  readonly #log: Logger
  #scheduled = false
  #latest: Promise<void> | undefined
  /** Whether the last flush took too long. */
  #late = false

  /** @param flush resolves when NATS has handled what was sent before; rejects if the connection is lost */
  constructor(flush: () => Promise<void>, log: Logger) {
    this.#flush = flush
    this.#log = log
  }

  /** Resolves when NATS has all subscriptions so far, or the connection is lost. Undefined if NATS has them. */
  get settled(): Promise<void> | undefined {
    return this.#latest
  }

  /** Notes that a subscription was added. */
  added(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    const latest = this.#confirm().then(() => {
      if (this.#latest === latest) this.#latest = undefined
    })
    this.#latest = latest
  }

  async #confirm(): Promise<void> {
    await new Promise(setImmediate)
    this.#scheduled = false
    try {
      await within(FLUSH_WAIT_MS, this.#flush(), () => new Error(`It took more than ${FLUSH_WAIT_MS} ms`))
      this.#late = false
    } catch (err) {
      // The log tells of a lost connection already.
      if (this.#late || (err as { code?: unknown }).code === 'cluster_unavailable') return
      this.#late = true
      this.#log.warn(
        { err, stage: 'nats' },
        'NATS does not confirm subscriptions: messages of other nodes may be lost',
      )
    }
  }
}
