import { assertPattern } from './topic.ts'

class Node<V> {
  /** Children by their literal segment. */
  children: Map<string, Node<V>> | undefined
  /** Child for any one segment: a `*` that is not last. */
  any: Node<V> | undefined
  /** Value of the pattern that ends here. */
  here: V | undefined
  /** Value of the pattern that ends with `*` below this node: one or more segments. */
  rest: V | undefined

  get empty(): boolean {
    return this.here === undefined && this.rest === undefined && !this.any && !this.children
  }
}

/**
 * Maps patterns to values, and finds the values whose patterns match a topic. A trie over segments: the cost of a
 * match depends on the patterns that match, not on the number of patterns. Deleting a pattern frees its nodes.
 */
export class PatternTrie<V extends object> {
  readonly #named: boolean
  readonly #root = new Node<V>()
  /** The values by pattern, beside the trie: most calls of `get` and `add` are for a pattern that exists already. */
  readonly #values = new Map<string, V>()

  /** @param options `named`: whether a segment `:` stands for any one segment, also as the last one */
  constructor({ named = false }: { readonly named?: boolean } = {}) {
    this.#named = named
  }

  /** Number of patterns. */
  get size(): number {
    return this.#values.size
  }

  /** Number of trie nodes; 0 if the trie is empty. For leak checks: walks the whole trie. */
  get nodes(): number {
    const count = (node: Node<V>): number => {
      let sum = node.any ? 1 + count(node.any) : 0
      for (const child of node.children?.values() ?? []) sum += 1 + count(child)
      return sum
    }
    return count(this.#root)
  }

  /** Returns the value of exactly this pattern. */
  get(pattern: string): V | undefined {
    return this.#values.get(pattern)
  }

  /** Adds a pattern that is not in the trie yet. @throws `invalid_pattern` */
  add(pattern: string, value: V): void {
    assertPattern(pattern)
    this.#values.set(pattern, value)
    const segments = pattern.split('/')
    const open = segments.at(-1) === '*'
    let node = this.#root
    for (const segment of open ? segments.slice(0, -1) : segments) {
      if (this.#isAny(segment)) {
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

  /** Deletes a pattern. Does nothing if it is not in the trie. */
  delete(pattern: string): void {
    if (!this.#values.delete(pattern)) return
    const segments = pattern.split('/')
    const open = segments.at(-1) === '*'
    this.#prune(this.#root, open ? segments.slice(0, -1) : segments, 0, open)
  }

  #isAny(segment: string): boolean {
    return segment === '*' || (this.#named && segment === ':')
  }

  /** Deletes the value of a pattern from its node, and the nodes that are empty then. */
  #prune(node: Node<V>, segments: readonly string[], index: number, open: boolean): void {
    const segment = segments[index]
    if (segment === undefined) {
      if (open) node.rest = undefined
      else node.here = undefined
      return
    }
    const child = this.#isAny(segment) ? node.any : node.children?.get(segment)
    if (!child) return
    this.#prune(child, segments, index + 1, open)
    if (!child.empty) return
    if (this.#isAny(segment)) {
      node.any = undefined
    } else {
      node.children?.delete(segment)
      if (node.children?.size === 0) node.children = undefined
    }
  }

  /** Returns the values of all patterns that match a valid topic. */
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

  /**
   * Returns the value of the most specific pattern that matches a valid topic. Compares patterns segment by segment from the
   * left: a literal segment comes before a `*` for one segment, which comes before a `*` for the rest.
   */
  mostSpecific(topic: string): V | undefined {
    // A topic has no `*`, so this finds only the pattern that is the topic.
    const literal = this.#values.get(topic)
    if (literal || this.#values.size === 0 || topic.startsWith('$')) return literal
    return this.#first(this.#root, topic.split('/'), 0)
  }

  #first(node: Node<V>, segments: readonly string[], index: number): V | undefined {
    if (index === segments.length) return node.here
    const child = node.children?.get(segments[index] as string)
    return (
      (child && this.#first(child, segments, index + 1)) ??
      (node.any && this.#first(node.any, segments, index + 1)) ??
      node.rest
    )
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
