/** Maximum number of keys in memory. The key whose last attempt is oldest is forgotten first. */
const MAX_KEYS = 10_000

/** Limits the number of attempts of a key, such as a user or an address, within a period. */
export class AttemptLimit {
  readonly #maxAttempts: number
  readonly #periodMs: number
  readonly #byKey = new Map<string, { count: number; readonly until: number }>()

  constructor(maxAttempts: number, periodMs: number) {
    this.#maxAttempts = maxAttempts
    this.#periodMs = periodMs
  }

  /** Counts an attempt. Returns 0 if it is allowed, otherwise the milliseconds until the next one is. */
  take(key: string): number {
    const now = Date.now()
    const known = this.#byKey.get(key)
    const attempts = known && known.until > now ? known : { count: 0, until: now + this.#periodMs }
    attempts.count += 1
    this.#byKey.delete(key)
    this.#byKey.set(key, attempts)
    if (this.#byKey.size > MAX_KEYS) this.#byKey.delete(this.#byKey.keys().next().value as string)
    return attempts.count > this.#maxAttempts ? attempts.until - now : 0
  }
}
