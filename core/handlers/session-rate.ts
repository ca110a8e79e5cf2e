import { RateLimit } from '../admission/rate-limit.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Session } from '../sessions/session.ts'
import { milliseconds } from '../util/options.ts'
import type { HandlerRate } from './handle.ts'

/** Limits the messages of each session. A limit is forgotten with its session. */
export class SessionRate {
  readonly #perSecond: number
  readonly #burst: number
  readonly #limits = new WeakMap<Session, RateLimit>()

  constructor({ limit, window }: HandlerRate) {
    this.#perSecond = (limit * 1000) / milliseconds(window)
    this.#burst = limit
  }

  /** @throws `rate_limited` */
  take(session: Session): void {
    const now = performance.now()
    let limit = this.#limits.get(session)
    if (!limit) this.#limits.set(session, (limit = new RateLimit(this.#perSecond, this.#burst, now)))
    if (!limit.tryTake(now)) throw new RookeryError('rate_limited')
  }
}
