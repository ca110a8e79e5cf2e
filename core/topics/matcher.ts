import { PatternTrie } from './pattern-trie.ts'

/** Maps patterns to sets of values, and finds the values whose patterns match a topic. */
export class Matcher<T> {
  readonly #sets: PatternTrie<Set<T>>

  /** @param options see `PatternTrie` */
  constructor(options?: { readonly named: boolean }) {
    this.#sets = new PatternTrie(options)
  }

  /** Number of patterns. */
  get patterns(): number {
    return this.#sets.size
  }

  /** Number of trie nodes; 0 if the matcher is empty. For leak checks: walks the whole trie. */
  get nodes(): number {
    return this.#sets.nodes
  }

  /**
   * Adds a value to a pattern. Adding it again has no effect.
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

  /** Whether exactly this pattern has a value. */
  has(pattern: string): boolean {
    return this.#sets.get(pattern) !== undefined
  }

  /**
   * Returns the values of all patterns that match a valid topic: one live set for each pattern. Read the sets at once
   * and do not keep them. A value with several matching patterns is in several sets.
   */
  match(topic: string): readonly ReadonlySet<T>[] {
    return this.#sets.match(topic)
  }
}
