/** A revocation of one token, or of all tokens of a user. Plain JSON: nodes send it to each other and store it. */
export interface Revocation {
  /** Key of the user or of the token. It contains a hash, not the id. */
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
  /** Position in the order of arrival. */
  readonly position: number
}

/** Maximum number of revocations on a page. */
const PAGE_REVOCATIONS = 1000
/** Interval between two searches for revocations that may be forgotten. */
const CLEANUP_INTERVAL_MS = 60_000

/** The revocations that this node knows. Each is kept until its `until` has passed. */
export class RevocationList {
  /** By key, in the order of arrival. */
  readonly #entries = new Map<string, Entry>()
  #lastPosition = 0
  #cleanedUpAt = Number.NEGATIVE_INFINITY

  get size(): number {
    return this.#entries.size
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
    const known = this.#entries.get(key)?.revocation
    const merged = known ? merge(known, revocation) : revocation
    if (merged.until <= now) return
    if (known && known.before === merged.before && known.until === merged.until) return
    this.#entries.delete(key)
    this.#entries.set(key, { revocation: merged, position: ++this.#lastPosition })
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
      const revocation = this.#entries.get(key)?.revocation
      return revocation !== undefined && revocation.until > now && isRevokedBy(issuedAt, revocation)
    })
  }

  /**
   * Returns a page of revocations in the order of arrival.
   *
   * @param after `next` of the previous page; 0 for the first page
   */
  page(after: number): { readonly items: readonly Revocation[]; readonly next: number | null } {
    const items: Revocation[] = []
    let last = after
    for (const { revocation, position } of this.#entries.values()) {
      if (position <= after) continue
      if (items.length === PAGE_REVOCATIONS) return { items, next: last }
      items.push(revocation)
      last = position
    }
    return { items, next: null }
  }

  #cleanUp(now: number): void {
    if (now - this.#cleanedUpAt < CLEANUP_INTERVAL_MS) return
    this.#cleanedUpAt = now
    for (const [key, { revocation }] of this.#entries) if (revocation.until <= now) this.#entries.delete(key)
  }
}

const merge = (one: Revocation, other: Revocation): Revocation => ({
  key: one.key,
  before: one.before === null || other.before === null ? null : Math.max(one.before, other.before),
  until: Math.max(one.until, other.until),
})
