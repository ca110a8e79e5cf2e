import { Matcher } from '../../core/topics/matcher.ts'

/** Patterns that listeners of a node want, for a group or, without one (null), each for itself. */
export interface Want {
  readonly group: string | null
  readonly patterns: readonly string[]
}

interface Entry extends Want {
  readonly node: string
}

/** Who would take an event. */
export interface Takers {
  /** Whether a listener of another node wants it for itself. */
  readonly others: boolean
  /** Groups that want it, and whether any node besides this one is in them. */
  readonly groups: ReadonlyMap<string, boolean>
}

/** What listeners of all nodes want, so that events which nobody wants elsewhere stay here. */
export class Listeners {
  readonly #self: string
  readonly #matcher = new Matcher<Entry>()
  readonly #byNode = new Map<string, readonly Entry[]>()

  constructor(self: string) {
    this.#self = self
  }

  /** Whether nobody wants anything. */
  get empty(): boolean {
    return this.#matcher.patterns === 0
  }

  /** Replaces what a node wants. */
  set(node: string, wants: readonly Want[]): void {
    this.remove(node)
    const entries = wants.map((want) => ({ ...want, node }))
    this.#byNode.set(node, entries)
    for (const entry of entries) for (const pattern of entry.patterns) this.#matcher.add(pattern, entry)
  }

  remove(node: string): void {
    for (const entry of this.#byNode.get(node) ?? []) {
      for (const pattern of entry.patterns) this.#matcher.remove(pattern, entry)
    }
    this.#byNode.delete(node)
  }

  /** Who takes events on a topic. */
  takers(topic: string): Takers {
    let others = false
    const groups = new Map<string, boolean>()
    for (const entries of this.#matcher.match(topic)) {
      for (const { node, group } of entries) {
        const elsewhere = node !== this.#self
        if (group === null) others ||= elsewhere
        else groups.set(group, elsewhere || groups.get(group) === true)
      }
    }
    return { others, groups }
  }
}
