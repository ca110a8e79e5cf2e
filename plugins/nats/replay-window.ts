import { Matcher } from '../../core/topics/matcher.ts'

/** How many ids of a node are remembered, behind its highest. */
const KEPT = 8192
const BITS = 32
/** Twice as many, so that those that are forgotten can be told from those that are reused. */
const WORDS = (2 * KEPT) / BITS

/** Which of a node's last ids have come: a ring of bits, as against replays in IPsec (RFC 6479). */
class Window {
  readonly #words = new Uint32Array(WORDS)
  #highest = 0

  /** Whether an id is new; one that is too old to tell counts as new. */
  add(id: number): boolean {
    const word = Math.floor(id / BITS)
    if (id > this.#highest) {
      const skipped = Math.min(word - Math.floor(this.#highest / BITS), WORDS)
      for (let n = 0; n < skipped; n++) this.#words[(word - n) % WORDS] = 0
      this.#highest = id
    } else if (id <= this.#highest - KEPT) {
      return true
    }
    const held = this.#words[word % WORDS] as number
    const bit = 1 << (id % BITS)
    this.#words[word % WORDS] = held | bit
    return (held & bit) === 0
  }
}

/** Knows copies for copies: a node gets a message once for each of its subscriptions that match. */
export class Copies {
  readonly #windows = new Map<string, Window>()

  /** Whether the message of a node is new. Ids count up with the messages of a node. */
  isNew(node: string, id: string): boolean {
    let window = this.#windows.get(node)
    if (!window) this.#windows.set(node, (window = new Window()))
    return window.add(Number(id))
  }

  /** A node has left. */
  forget(node: string): void {
    this.#windows.delete(node)
  }
}

/**
 * Says which copy counts of a message without an id: the one that comes by the oldest of the subscriptions that match.
 * Not the first to come, because copies of several messages may arrive mixed.
 */
export class Seniority {
  readonly #ages = new Map<string, number>()
  /** Made when it is first needed: many clusters never hear a message from outside. */
  #matcher: Matcher<number> | undefined
  #count = 0

  /** There is a subscription to a pattern now, or no longer. */
  change(pattern: string, there: boolean): void {
    if (there) {
      this.#ages.set(pattern, ++this.#count)
      this.#matcher?.add(pattern, this.#count)
    } else {
      this.#matcher?.remove(pattern, this.#ages.get(pattern) as number)
      this.#ages.delete(pattern)
    }
  }

  /** Whether a pattern is the oldest of those that match a topic. */
  isOldest(pattern: string, topic: string): boolean {
    const age = this.#ages.get(pattern) as number
    this.#matcher ??= this.#match()
    return this.#matcher.match(topic).every((ages) => [...ages].every((other) => other >= age))
  }

  #match(): Matcher<number> {
    const matcher = new Matcher<number>()
    for (const [pattern, age] of this.#ages) matcher.add(pattern, age)
    return matcher
  }
}
