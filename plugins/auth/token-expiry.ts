/** Longest delay of a timer, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1
/** How long before a token expires the client is asked for a new one, in milliseconds. */
const RENEWAL_LEAD_MS = 30_000
/** Least time between a renewal and the next request for a token: an issuer may hand out the same token again. */
const RENEWAL_PAUSE_MS = 1000
/** Time after which the client is asked again, if its new token could not be verified. */
const RETRY_PAUSE_MS = 5000

/**
 * Returns how long before the token expires the client is asked for a new one: 30 s, or half of the remaining time if
 * that is less.
 *
 * @param remainingMs milliseconds until the token expires
 */
export const renewalLeadMs = (remainingMs: number): number =>
  Math.min(RENEWAL_LEAD_MS, Math.max(0, remainingMs) / 2)

/** Calls back at a time of the wall clock, however far away. Does not keep the process alive. */
class WallClockTimer {
  readonly #callback: () => void
  readonly #at: number
  #timer: NodeJS.Timeout | undefined

  /** @param at milliseconds since 1970 */
  constructor(at: number, callback: () => void) {
    this.#at = at
    this.#callback = callback
    this.#schedule()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    const delay = Math.max(0, this.#at - Date.now())
    this.#timer = setTimeout(
      () => {
        if (Date.now() >= this.#at) this.#callback()
        else this.#schedule()
      },
      Math.min(delay, MAX_TIMER_MS),
    ).unref()
  }
}

export interface TokenExpiryEvents {
  /** The client should send a new token. The current one expires in `expiresIn` milliseconds. */
  renewalDue(expiresIn: number): void
  /** The token has expired, and no new token came within the grace period. */
  expired(): void
}

/** Watches when a session's token expires. Reports when a new token is due, and when none came. */
export class TokenExpiry {
  readonly #graceMs: number
  readonly #events: TokenExpiryEvents
  #expiresAt: number
  #timer: WallClockTimer | undefined

  /**
   * @param expiresAt until when the server accepts the token, in milliseconds since 1970
   * @param graceMs how long after the expiry a new token may still come, in milliseconds
   */
  constructor(expiresAt: number, graceMs: number, events: TokenExpiryEvents) {
    this.#graceMs = graceMs
    this.#events = events
    this.#expiresAt = expiresAt
    this.#askAt(this.#renewalAt)
  }

  /** Starts over with a new token. @param expiresAt milliseconds since 1970 */
  renew(expiresAt: number): void {
    this.#expiresAt = expiresAt
    this.#askAt(Math.max(this.#renewalAt, Date.now() + RENEWAL_PAUSE_MS))
  }

  /** Asks the client again, because its new token could not be verified. */
  retry(): void {
    this.#askAt(Date.now() + RETRY_PAUSE_MS)
  }

  get #renewalAt(): number {
    return this.#expiresAt - renewalLeadMs(this.#expiresAt - Date.now())
  }

  #askAt(time: number): void {
    this.stop()
    const end = this.#expiresAt + this.#graceMs
    const asked = () => {
      this.#timer = new WallClockTimer(end, () => this.#events.expired())
      this.#events.renewalDue(Math.max(0, this.#expiresAt - Date.now()))
    }
    this.#timer = new WallClockTimer(Math.min(time, end), asked)
  }

  stop(): void {
    this.#timer?.stop()
  }
}
