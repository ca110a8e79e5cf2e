import { Matcher } from '../../core/topics/matcher.ts'

/**
 * Keeps the order in which patterns were subscribed to. A message of an external NATS client has no id; it arrives once
 * for each matching pattern, and the copy for the oldest pattern counts. Counting the first copy to arrive would be
 * wrong, because the copies of several messages may arrive mixed.
 */
export class PatternAges {
  readonly #ages = new Map<string, number>()
  /** Created with the first external message, because many clusters never receive one. */
  #matcher: Matcher<number> | undefined
  #count = 0

  /** Adds a pattern or removes it. */
  change(pattern: string, subscribed: boolean): void {
    if (subscribed) {
      this.#ages.set(pattern, ++this.#count)
      this.#matcher?.add(pattern, this.#count)
    } else {
      this.#matcher?.remove(pattern, this.#ages.get(pattern) as number)
      this.#ages.delete(pattern)
    }
  }

  /** Whether a pattern is the oldest one that matches a topic. */
  isOldest(pattern: string, topic: string): boolean {
    const age = this.#ages.get(pattern) as number
    this.#matcher ??= this.#createMatcher()
    return this.#matcher.match(topic).every((ages) => [...ages].every((other) => other >= age))
  }

  #createMatcher(): Matcher<number> {
    const matcher = new Matcher<number>()
    for (const [pattern, age] of this.#ages) matcher.add(pattern, age)
    return matcher
  }
}
