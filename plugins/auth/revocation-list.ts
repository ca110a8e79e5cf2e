/** A revocation of one token, of one session, or of all tokens of a user. Plain JSON: nodes send it to each other and store it. */
export interface Revocation {
  /** Key of the user, the token or the session. It contains a hash, not the id. */
  readonly key: string
  /** Tokens issued up to this time are revoked, in seconds since 1970; null: whenever they were issued. */
  readonly before: number | null
  /** When the revocation may be forgotten, in milliseconds since 1970. */
  readonly until: number
}

export const isRevocation = (value: unknown): value is Revocation => {
  const { key, before, until } = (value ?? {}) as Record<string, unknown>
  const ok = typeof key === 'string' && Number.isFinite(until)
  return ok && (before === null || Number.isFinite(before))
}

/** Whether a token was issued early enough to be revoked. @param issuedAt seconds since 1970 */
export const isRevokedBy = (issuedAt: number, { before }: Revocation): boolean =>
  before === null || issuedAt <= before

interface Entry {
  readonly revocation: Revocation
  /** Number of its page. */
  readonly page: number
}

/** Maximum number of revocations on a page. */
const PAGE_REVOCATIONS = 1000
/** Interval between two searches for revocations that may be forgotten. */
const CLEANUP_INTERVAL_MS = 60_000

/** The revocations that this node knows. Each is kept until its `until` has passed. */
export class RevocationList {
  readonly #entries = new Map<string, Entry>()
  /** Keys by page. A revocation that changes moves to the last page. */
  readonly #pages = new Map<number, Set<string>>()
  #lastPage = 1
  #cleanedUpAt = Number.NEGATIVE_INFINITY

  get size(): number {
    return this.#entries.size
  }

  *[Symbol.iterator](): Generator<Revocation> {
    for (const { revocation } of this.#entries.values()) yield revocation
  }

  /** Returns the revocation of a key. */
  get(key: string): Revocation | undefined {
    return this.#entries.get(key)?.revocation
  }

  /**
   * Adds a revocation and merges it with an earlier one of the same key.
   *
   * @param now milliseconds since 1970
   * @returns the merged revocation; undefined if nothing has changed
   */
  add(revocation: Revocation, now: number): Revocation | undefined {
    this.#cleanUp(now)
    const { key } = revocation
    const known = this.get(key)
    const merged = known ? merge(known, revocation) : revocation
    if (merged.until <= now) return
    if (known && known.before === merged.before && known.until === merged.until) return
    this.#delete(key)
    if ((this.#pages.get(this.#lastPage)?.size ?? 0) >= PAGE_REVOCATIONS) this.#lastPage++
    const page = this.#pages.get(this.#lastPage) ?? new Set()
    this.#pages.set(this.#lastPage, page.add(key))
    this.#entries.set(key, { revocation: merged, page: this.#lastPage })
    return merged
  }

  /**
   * Whether a token is revoked under one of its keys.
   *
   * @param issuedAt seconds since 1970
   * @param now milliseconds since 1970
   */
  revokes(keys: readonly string[], issuedAt: number, now: number): boolean {
    if (this.#entries.size === 0) return false
    return keys.some((key) => {
      const revocation = this.get(key)
      return revocation !== undefined && revocation.until > now && isRevokedBy(issuedAt, revocation)
    })
  }

  /**
   * Returns a page of revocations. A revocation that is added or changed meanwhile comes on a later page.
   *
   * @param after `next` of the previous page; 0 for the first page
   */
  page(after: number): { readonly items: readonly Revocation[]; readonly next: number | null } {
    for (let number = after + 1; number <= this.#lastPage; number++) {
      const keys = this.#pages.get(number)
      if (!keys) continue
      const items = [...keys].map((key) => this.get(key) as Revocation)
      return { items, next: number < this.#lastPage ? number : null }
    }
    return { items: [], next: null }
  }

  #delete(key: string): void {
    const number = this.#entries.get(key)?.page
    if (number === undefined) return
    this.#entries.delete(key)
    const page = this.#pages.get(number)
    page?.delete(key)
    if (page?.size === 0) this.#pages.delete(number)
  }

  #cleanUp(now: number): void {
    if (now - this.#cleanedUpAt < CLEANUP_INTERVAL_MS) return
    this.#cleanedUpAt = now
    for (const [key, { revocation }] of this.#entries) if (revocation.until <= now) this.#delete(key)
  }
}

const merge = (one: Revocation, other: Revocation): Revocation => ({
  key: one.key,
  before: one.before === null || other.before === null ? null : Math.max(one.before, other.before),
  until: Math.max(one.until, other.until),
})
