/** How many keys are remembered: those tried last. */
const REMEMBERED = 10_000

/** Allows so many attempts of a key within a time. */
export class Attempts {
  readonly #most: number
  readonly #within: number
  readonly #byKey = new Map<string, { count: number; readonly until: number }>()

  /** @param within milliseconds */
  constructor(most: number, within: number) {
    this.#most = most
    this.#within = within
  }

  /** Counts an attempt; answers how many milliseconds there are to wait for the next one, 0 when it is allowed. */
  take(key: string): number {
    const now = Date.now()
    const known = this.#byKey.get(key)
    const tries = known && known.until > now ? known : { count: 0, until: now + this.#within }
    tries.count += 1
    this.#byKey.delete(key)
    this.#byKey.set(key, tries)
    if (this.#byKey.size > REMEMBERED) this.#byKey.delete(this.#byKey.keys().next().value as string)
    return tries.count > this.#most ? tries.until - now : 0
  }
}
