import { PatternTrie } from './pattern-trie.ts'

/** Finds the values whose patterns match a topic: several for each pattern. */
export class Matcher<T> {
  readonly #sets = new PatternTrie<Set<T>>()

  /** Number of different patterns held. */
  get patterns(): number {
    return this.#sets.size
  }

  /** Number of trie nodes in use; 0 when the matcher is empty. For leak checks: walks the whole trie. */
  get nodes(): number {
    return this.#sets.nodes
  }

  /**
   * Adds a value under a pattern; adding it twice is one.
   *
   * @returns whether this is the pattern's first value
   * @throws `invalid_pattern`
   */
  add(pattern: string, value: T): boolean {
    const others = this.#sets.get(pattern)
    if (others) others.add(value)
    else this.#sets.add(pattern, new Set([value]))
    return !others
  }

  /**
   * Removes a value from a pattern.
   *
   * @returns whether it was the pattern's last value
   */
  remove(pattern: string, value: T): boolean {
    const values = this.#sets.get(pattern)
    if (!values?.delete(value) || values.size > 0) return false
    this.#sets.delete(pattern)
    return true
  }

  /** Whether any value is held under exactly this pattern. */
  has(pattern: string): boolean {
    return this.#sets.get(pattern) !== undefined
  }

  /**
   * The values of all patterns that match a valid topic, as one live set for each pattern: read them at
   * once and do not keep them. A value under several matching patterns is in several sets.
   */
  match(topic: string): readonly ReadonlySet<T>[] {
    return this.#sets.match(topic)
  }
}
