import { Matcher } from '../../core/matcher.ts'

/** How many ids are remembered before the older ones are forgotten. */
const KEPT = 8192

/** Knows copies for copies: a node gets a message once for each of its subscriptions that match. */
export class Copies {
  #newer = new Set<string>()
  #older = new Set<string>()

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
}

/**
 * Says which copy counts of a message without an id: the one that comes by the oldest of the subscriptions that match.
 * Not the first to come, because copies of several messages may arrive mixed.
 */
export class Seniority {
  readonly #matcher = new Matcher<number>()
  readonly #ages = new Map<string, number>()
  #count = 0

  /** There is a subscription to a pattern now, or no longer. */
  change(pattern: string, there: boolean): void {
    if (there) {
      this.#ages.set(pattern, ++this.#count)
      this.#matcher.add(pattern, this.#count)
    } else {
      this.#matcher.remove(pattern, this.#ages.get(pattern) as number)
      this.#ages.delete(pattern)
    }
  }

  /** Whether a pattern is the oldest of those that match a topic. */
  isOldest(pattern: string, topic: string): boolean {
    const age = this.#ages.get(pattern) as number
    return this.#matcher.match(topic).every((ages) => [...ages].every((other) => other >= age))
  }
}
