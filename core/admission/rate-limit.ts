/**
 * A token bucket (Turner, "New directions in communications", 1986) that can go into debt. A peer that continues to
 * send while the bucket is empty gets deeper into debt, instead of getting every n-th message through.
 */
export class RateLimit {
  readonly #perMillisecond: number
  readonly #burst: number
  #level: number
  #at: number

  /**
   * @param rate tokens a second
   * @param burst tokens of a full bucket, and the deepest debt
   * @param now milliseconds on a steady clock
   */
  constructor(rate: number, burst: number, now: number) {
    this.#perMillisecond = rate / 1000
    this.#burst = burst
    this.#level = burst
    this.#at = now
  }

  /** Takes tokens. `empty` means that there were too few, `exhausted` that the debt exceeds the burst. */
  take(now: number, tokens = 1): 'ok' | 'empty' | 'exhausted' {
    this.#level = this.available(now) - tokens
    this.#at = now
    if (this.#level >= 0) return 'ok'
    return this.#level >= -this.#burst ? 'empty' : 'exhausted'
  }

  /** The number of tokens in the bucket; negative while it is in debt. */
  available(now: number): number {
    return Math.min(this.#burst, this.#level + (now - this.#at) * this.#perMillisecond)
  }

  /** Takes tokens if enough are available. Does not go into debt. */
  tryTake(now: number, tokens = 1): boolean {
    if (this.take(now, tokens) === 'ok') return true
    this.#level += tokens
    return false
  }
}
