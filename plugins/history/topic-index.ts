/** The places of one topic in the log, from the oldest. */
export interface TopicPlaces {
  readonly topic: string
  /** Sequence numbers. Numbers before the place `start` have left the log. */
  readonly seqs: number[]
  start: number
}

interface Node {
  readonly children: Map<string, Node>
  places: TopicPlaces | undefined
}

const createNode = (): Node => ({ children: new Map(), places: undefined })

/** Numbers that a list may keep in front of its start before they are removed. */
const MAX_LEFT = 64

/** The topics of a log with the places of their messages. Finds the topics that a pattern matches by walking a trie. */
export class TopicIndex {
  readonly #root = createNode()
  readonly #byTopic = new Map<string, TopicPlaces>()

  /** Number of topics. */
  get size(): number {
    return this.#byTopic.size
  }

  /** Adds the newest message of a topic. */
  add(topic: string, seq: number): void {
    const places = this.#byTopic.get(topic)
    if (places) places.seqs.push(seq)
    else this.#insert({ topic, seqs: [seq], start: 0 })
  }

  /** Removes the oldest message of a topic. */
  removeOldest(topic: string): void {
    const places = this.#byTopic.get(topic)
    if (!places) return
    places.start++
    if (places.start === places.seqs.length) this.#delete(topic)
    else if (places.start > MAX_LEFT && places.start * 2 > places.seqs.length) {
      places.seqs.splice(0, places.start)
      places.start = 0
    }
  }

  /** Returns the topics that a valid pattern matches. Stops after `limit` topics. */
  match(pattern: string, limit: number): TopicPlaces[] {
    const literal = this.#byTopic.get(pattern)
    if (literal) return [literal]
    const found: TopicPlaces[] = []
    if (pattern.includes('*')) this.#walk(this.#root, pattern.split('/'), 0, limit, found)
    return found
  }

  #walk(node: Node, segments: readonly string[], index: number, limit: number, found: TopicPlaces[]): void {
    const segment = segments[index]
    if (segment === undefined) {
      if (node.places) found.push(node.places)
      return
    }
    const isRest = segment === '*' && index === segments.length - 1
    const children = segment === '*' ? node.children : [[segment, node.children.get(segment)] as const]
    for (const [name, child] of children) {
      if (found.length >= limit) return
      // A wildcard does not match the framework's own topics.
      if (!child || (index === 0 && segment === '*' && name.startsWith('$'))) continue
      if (isRest) this.#collect(child, limit, found)
      else this.#walk(child, segments, index + 1, limit, found)
    }
  }

  #collect(node: Node, limit: number, found: TopicPlaces[]): void {
    if (node.places && found.length < limit) found.push(node.places)
    for (const child of node.children.values()) {
      if (found.length >= limit) return
      this.#collect(child, limit, found)
    }
  }

  #insert(places: TopicPlaces): void {
    this.#byTopic.set(places.topic, places)
    let node = this.#root
    for (const segment of places.topic.split('/')) {
      let child = node.children.get(segment)
      if (!child) node.children.set(segment, (child = createNode()))
      node = child
    }
    node.places = places
  }

  #delete(topic: string): void {
    this.#byTopic.delete(topic)
    const path: [Node, string][] = []
    let node = this.#root
    for (const segment of topic.split('/')) {
      path.push([node, segment])
      node = node.children.get(segment) as Node
    }
    node.places = undefined
    for (const [parent, segment] of path.reverse()) {
      const child = parent.children.get(segment) as Node
      if (child.places || child.children.size > 0) return
      parent.children.delete(segment)
    }
  }
}
