import { assertPattern } from './topic.ts'

class Node<T> {
  /** Next segment, literally. */
  children: Map<string, Node<T>> | undefined
  /** Next segment, whatever it is: a `*` that is not last. */
  any: Node<T> | undefined
  /** Values of the pattern that ends here. */
  here: Set<T> | undefined
  /** Values of the pattern that ends in `*` below here: one or more segments, whatever they are. */
  rest: Set<T> | undefined

  get empty(): boolean {
    return !this.here && !this.rest && !this.any && !this.children
  }
}

/**
 * Finds the values whose patterns match a topic. A trie over segments: the cost of a match follows the
 * patterns that do match, not the number of the others, and removing the last value of a pattern frees
 * its nodes.
 */
export class Matcher<T> {
  readonly #root = new Node<T>()
  /** The values of each pattern, which are in its node, too: for most that come, others are there already. */
  readonly #values = new Map<string, Set<T>>()

  /** Number of different patterns held. */
  get patterns(): number {
    return this.#values.size
  }

  /** Number of trie nodes in use; 0 when the matcher is empty. For leak checks: walks the whole trie. */
  get nodes(): number {
    const count = (node: Node<T>): number => {
      let sum = node.any ? 1 + count(node.any) : 0
      for (const child of node.children?.values() ?? []) sum += 1 + count(child)
      return sum
    }
    return count(this.#root)
  }

  /**
   * Adds a value under a pattern; adding it twice is one.
   *
   * @returns whether this is the pattern's first value
   * @throws `invalid_pattern`
   */
  add(pattern: string, value: T): boolean {
    const others = this.#values.get(pattern)
    if (others) {
      others.add(value)
      return false
    }
    assertPattern(pattern)
    const values = new Set([value])
    this.#values.set(pattern, values)
    const segments = pattern.split('/')
    const open = segments.at(-1) === '*'
    let node = this.#root
    for (const segment of open ? segments.slice(0, -1) : segments) {
      if (segment === '*') {
        node = node.any ??= new Node()
      } else {
        const children = (node.children ??= new Map())
        let child = children.get(segment)
        if (!child) children.set(segment, (child = new Node()))
        node = child
      }
    }
    if (open) node.rest = values
    else node.here = values
    return true
  }

  /**
   * Removes a value from a pattern.
   *
   * @returns whether it was the pattern's last value
   */
  remove(pattern: string, value: T): boolean {
    const values = this.#values.get(pattern)
    if (!values?.delete(value) || values.size > 0) return false
    this.#values.delete(pattern)
    const segments = pattern.split('/')
    const open = segments.at(-1) === '*'
    this.#prune(this.#root, open ? segments.slice(0, -1) : segments, 0, open)
    return true
  }

  /** Takes the values of a pattern out of its node, and out of the trie what is empty then. */
  #prune(node: Node<T>, segments: readonly string[], index: number, open: boolean): void {
    const segment = segments[index]
    if (segment === undefined) {
      if (open) node.rest = undefined
      else node.here = undefined
      return
    }
    const child = segment === '*' ? node.any : node.children?.get(segment)
    if (!child) return
    this.#prune(child, segments, index + 1, open)
    if (!child.empty) return
    if (segment === '*') {
      node.any = undefined
    } else {
      node.children?.delete(segment)
      if (node.children?.size === 0) node.children = undefined
    }
  }

  /** Whether any value is held under exactly this pattern. */
  has(pattern: string): boolean {
    return this.#values.has(pattern)
  }

  /**
   * The values of all patterns that match a valid topic, as one live set for each pattern: read them at
   * once and do not keep them. A value under several matching patterns is in several sets.
   */
  match(topic: string): readonly ReadonlySet<T>[] {
    const found: ReadonlySet<T>[] = []
    if (this.#values.size === 0) return found
    const segments = topic.split('/')
    if (topic.startsWith('$')) {
      const child = this.#root.children?.get(segments[0] as string)
      if (child) this.#walk(child, segments, 1, found)
    } else {
      this.#walk(this.#root, segments, 0, found)
    }
    return found
  }

  #walk(node: Node<T>, segments: readonly string[], index: number, found: ReadonlySet<T>[]): void {
    if (index === segments.length) {
      if (node.here) found.push(node.here)
      return
    }
    if (node.rest) found.push(node.rest)
    const child = node.children?.get(segments[index] as string)
    if (child) this.#walk(child, segments, index + 1, found)
    if (node.any) this.#walk(node.any, segments, index + 1, found)
  }
}
