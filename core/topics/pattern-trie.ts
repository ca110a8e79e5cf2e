import { assertPattern } from './topic.ts'

class Node<V> {
  /** Next segment, literally. */
  children: Map<string, Node<V>> | undefined
  /** Next segment, whatever it is: a `*` that is not last. */
  any: Node<V> | undefined
  /** Value of the pattern that ends here. */
  here: V | undefined
  /** Value of the pattern that ends in `*` below here: one or more segments, whatever they are. */
  rest: V | undefined

  get empty(): boolean {
    return this.here === undefined && this.rest === undefined && !this.any && !this.children
  }
}

/**
 * A value for each pattern, found by topics. A trie over segments: the cost of a match follows the patterns that do match,
 * not the number of the others, and deleting a pattern frees its nodes.
 */
export class PatternTrie<V extends object> {
  readonly #root = new Node<V>()
  /** The value of each pattern, which is in its node, too: most that come are there already. */
  readonly #values = new Map<string, V>()

  /** Number of patterns. */
  get size(): number {
    return this.#values.size
  }

  /** Number of trie nodes in use; 0 when the map is empty. For leak checks: walks the whole trie. */
  get nodes(): number {
    const count = (node: Node<V>): number => {
      let sum = node.any ? 1 + count(node.any) : 0
      for (const child of node.children?.values() ?? []) sum += 1 + count(child)
      return sum
    }
    return count(this.#root)
  }

  /** The value of exactly this pattern. */
  get(pattern: string): V | undefined {
    return this.#values.get(pattern)
  }

  /** Gives a value to a pattern that has none. @throws `invalid_pattern` */
  add(pattern: string, value: V): void {
    assertPattern(pattern)
    this.#values.set(pattern, value)
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
    if (open) node.rest = value
    else node.here = value
  }

  /** Does nothing when the pattern has no value. */
  delete(pattern: string): void {
    if (!this.#values.delete(pattern)) return
    const segments = pattern.split('/')
    const open = segments.at(-1) === '*'
    this.#prune(this.#root, open ? segments.slice(0, -1) : segments, 0, open)
  }

  /** Takes the value of a pattern out of its node, and out of the trie what is empty then. */
  #prune(node: Node<V>, segments: readonly string[], index: number, open: boolean): void {
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

  /** The values of all patterns that match a valid topic. */
  match(topic: string): readonly V[] {
    const found: V[] = []
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

  #walk(node: Node<V>, segments: readonly string[], index: number, found: V[]): void {
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
