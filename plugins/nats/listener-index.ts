import { Matcher } from '../../core/topics/matcher.ts'

/** Patterns that the listeners of a node subscribe to: as a group, or each listener on its own (`group` is null). */
export interface ListenerPatterns {
  readonly group: string | null
  readonly patterns: readonly string[]
}

interface Entry extends ListenerPatterns {
  readonly node: string
}

/** The nodes and groups that an event goes to. */
export interface EventTargets {
  /** Whether another node has a listener without a group. */
  readonly others: boolean
  /** Groups with a listener; the value says whether the event goes to NATS, which chooses a node of the group. */
  readonly groups: ReadonlyMap<string, boolean>
}

/** The patterns of the listeners of all nodes. An event that no other node listens to is not sent. */
export class ListenerIndex {
  /** Whether this node handles the events of its groups itself, also if other nodes are in them. */
  ownFirst = false
  readonly #self: string
  readonly #matcher = new Matcher<Entry>()
  readonly #byNode = new Map<string, readonly Entry[]>()

  constructor(self: string) {
    this.#self = self
  }

  get empty(): boolean {
    return this.#matcher.patterns === 0
  }

  /** Replaces the patterns of a node. */
  set(node: string, listeners: readonly ListenerPatterns[]): void {
    this.remove(node)
    const entries = listeners.map((listener) => ({ ...listener, node }))
    this.#byNode.set(node, entries)
    for (const entry of entries) for (const pattern of entry.patterns) this.#matcher.add(pattern, entry)
  }

  remove(node: string): void {
    for (const entry of this.#byNode.get(node) ?? []) {
      for (const pattern of entry.patterns) this.#matcher.remove(pattern, entry)
    }
    this.#byNode.delete(node)
  }

  /** Returns the targets of an event with a topic. */
  targets(topic: string): EventTargets {
    let others = false
    const groups = new Map<string, boolean>()
    for (const entries of this.#matcher.match(topic)) {
      for (const { node, group } of entries) {
        const elsewhere = node !== this.#self
        if (group === null) others ||= elsewhere
        else if (this.ownFirst) groups.set(group, elsewhere && groups.get(group) !== false)
        else groups.set(group, elsewhere || groups.get(group) === true)
      }
    }
    return { others, groups }
  }
}
