/** How many ids are remembered before the older ones are forgotten. */
const KEPT = 8192
/** How many subjects are remembered of those who publish without ids. */
const KEPT_SUBJECTS = 256

interface Last {
  readonly data: string
  /** Subscriptions by which it has come. */
  readonly by: Set<unknown>
}

/**
 * Knows copies for copies: a node gets a message once for each of its subscriptions that match.
 */
export class Copies {
  #newer = new Set<string>()
  #older = new Set<string>()
  readonly #last = new Map<string, Last>()

  /** Whether the message of a node is new. */
  isNew(node: string, id: string): boolean {
    const key = `${node} ${id}`
    if (this.#newer.has(key) || this.#older.has(key)) return false
    this.#newer.add(key)
    // Two generations instead of one in order: forgetting then costs nothing for each id.
    if (this.#newer.size >= KEPT) {
      this.#older = this.#newer
      this.#newer = new Set()
    }
    return true
  }

  /**
   * Whether a message without an id is new: the same text on the same subject is a copy when it comes by another
   * subscription than before, and another message when it comes by one of the same.
   *
   * @param by the subscription by which it came
   */
  isNewText(subject: string, data: string, by: unknown): boolean {
    const last = this.#last.get(subject)
    if (last?.data === data && !last.by.has(by)) {
      last.by.add(by)
      return false
    }
    this.#last.delete(subject)
    this.#last.set(subject, { data, by: new Set([by]) })
    if (this.#last.size > KEPT_SUBJECTS) {
      const [oldest] = this.#last.keys()
      this.#last.delete(oldest as string)
    }
    return true
  }

  /** A subscription has ended: what comes by the others from now on is no copy of what came by it. */
  forgetTexts(): void {
    this.#last.clear()
  }
}
