/**
 * A token bucket that may go into debt (token bucket: Turner, "New directions in communications", 1986).
 * Whoever goes on taking when it is empty sinks deeper instead of getting every n-th message through.
 */
export class RateLimit {
  readonly #perMillisecond: number
  readonly #burst: number
  #level: number
  #at: number

  /**
   * @param rate tokens a second
   * @param burst tokens when full, and the deepest debt
   * @param now milliseconds on a steady clock
   */
  constructor(rate: number, burst: number, now: number) {
    this.#perMillisecond = rate / 1000
    this.#burst = burst
    this.#level = burst
    this.#at = now
  }

  /** Takes tokens: `ok`, `empty` when there were too few, `exhausted` when the debt is deeper than the burst. */
  take(now: number, tokens = 1): 'ok' | 'empty' | 'exhausted' {
    this.#level = this.available(now) - tokens
    this.#at = now
    if (this.#level >= 0) return 'ok'
    return this.#level >= -this.#burst ? 'empty' : 'exhausted'
  }

  /** Tokens that there are, or less than none if it is in debt. */
  available(now: number): number {
    return Math.min(this.#burst, this.#level + (now - this.#at) * this.#perMillisecond)
  }

  /** Takes a token if there is one; who finds none owes none. */
  tryTake(now: number, tokens = 1): boolean {
    if (this.take(now, tokens) === 'ok') return true
    this.#level += tokens
    return false
  }
}
