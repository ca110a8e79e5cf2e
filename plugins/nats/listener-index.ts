import { Matcher } from '../../core/topics/matcher.ts'
import type { ListenerPatterns } from './own-listeners.ts'

/** The listeners of a node in one group, or without a group. */
interface Entry {
  readonly node: string
  readonly group: string | null
  readonly patterns: Set<string>
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
  /** By node, then by group. */
  readonly #byNode = new Map<string, Map<string | null, Entry>>()

  constructor(self: string) {
    this.#self = self
  }

  get empty(): boolean {
    return this.#matcher.patterns === 0
  }

  add(node: string, listeners: readonly ListenerPatterns[]): void {
    let groups = this.#byNode.get(node)
    if (!groups) this.#byNode.set(node, (groups = new Map()))
    for (const { group, patterns } of listeners) {
      let entry = groups.get(group)
      if (!entry) groups.set(group, (entry = { node, group, patterns: new Set() }))
      for (const pattern of patterns) {
        if (entry.patterns.has(pattern)) continue
        entry.patterns.add(pattern)
        this.#matcher.add(pattern, entry)
      }
    }
  }

  remove(node: string, listeners: readonly ListenerPatterns[]): void {
    const groups = this.#byNode.get(node)
    for (const { group, patterns } of listeners) {
      const entry = groups?.get(group)
      if (!entry) continue
      for (const pattern of patterns) {
        if (entry.patterns.delete(pattern)) this.#matcher.remove(pattern, entry)
      }
      if (entry.patterns.size === 0) groups?.delete(group)
    }
    if (groups?.size === 0) this.#byNode.delete(node)
  }

  removeNode(node: string): void {
    for (const entry of this.#byNode.get(node)?.values() ?? []) {
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
