/** What has been revoked. Plain JSON: it goes from node to node, and into the store. */
export interface Revocation {
  /** Of a user or of a token; holds only a hash. */
  readonly key: string
  /** Tokens issued up to then are revoked, in seconds since 1970; null: whenever. */
  readonly before: number | null
  /** When it may be forgotten, in milliseconds since 1970. */
  readonly until: number
}

export const isRevocation = (value: unknown): value is Revocation => {
  const { key, before, until } = (value ?? {}) as Record<string, unknown>
  const ok = typeof key === 'string' && Number.isFinite(until)
  return ok && (before === null || Number.isFinite(before))
}

/** Whether a revocation concerns a token that was issued then. */
export const isOlder = (issuedAt: number, { before }: Revocation): boolean =>
  before === null || issuedAt <= before

interface Known {
  readonly revocation: Revocation
  /** Counts up with everything that becomes known. */
  readonly order: number
}

/** Most revocations on one page. */
const PAGE = 1000
/** Milliseconds between two times that all are looked at for those that have run out. */
const SWEEP = 60_000

/** Remembers what has been revoked, for as long as that matters. */
export class Revocations {
  /** In the order in which they became known. */
  readonly #known = new Map<string, Known>()
  #order = 0
  #swept = Number.NEGATIVE_INFINITY

  get size(): number {
    return this.#known.size
  }

  /** Adds one; returns it as it stands now, or nothing when it says nothing new. */
  add(revocation: Revocation, now: number): Revocation | undefined {
    this.#sweep(now)
    const { key } = revocation
    const known = this.#known.get(key)?.revocation
    const added = known ? merge(known, revocation) : revocation
    if (added.until <= now || (known && known.before === added.before && known.until === added.until)) return
    this.#known.delete(key)
    this.#known.set(key, { revocation: added, order: ++this.#order })
    return added
  }

  /** Whether a token that was issued then, in seconds since 1970, is revoked by one of its keys. */
  revokes(keys: readonly string[], issuedAt: number, now: number): boolean {
    if (this.#known.size === 0) return false
    return keys.some((key) => {
      const known = this.#known.get(key)
      return known !== undefined && known.revocation.until > now && isOlder(issuedAt, known.revocation)
    })
  }

  /** A page of what became known after another page. @param after `next` of that page; 0 for the first */
  page(after: number): { readonly items: readonly Revocation[]; readonly next: number | null } {
    const items: Revocation[] = []
    let last = after
    for (const { revocation, order } of this.#known.values()) {
      if (order <= after) continue
      if (items.length === PAGE) return { items, next: last }
      items.push(revocation)
      last = order
    }
    return { items, next: null }
  }

  #sweep(now: number): void {
    if (now - this.#swept < SWEEP) return
    this.#swept = now
    for (const [key, { revocation }] of this.#known) if (revocation.until <= now) this.#known.delete(key)
  }
}

const merge = (one: Revocation, other: Revocation): Revocation => ({
  key: one.key,
  before: one.before === null || other.before === null ? null : Math.max(one.before, other.before),
  until: Math.max(one.until, other.until),
})
