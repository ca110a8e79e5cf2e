import type { Member } from './tokens.ts'

/** A member as nodes tell each other of it. */
export interface Stay extends Member {
  /** When it joined at its node, in milliseconds of that node's clock. */
  readonly since: number
}

/** What has become of a room at a node. */
export interface Change {
  /** `cleared`: the node took everybody out. */
  readonly what: 'joined' | 'left' | 'cleared'
  readonly room: string
  /** Absent when the room was cleared. */
  readonly member?: Stay
  /** Grows with every change at the node, whatever the room. */
  readonly version: number
}

/** Members that came into view, and those that went out of it. */
export interface Difference {
  readonly joined: readonly Stay[]
  readonly left: readonly Stay[]
}

interface Known {
  /** Version of the last change or list. */
  seen: number
  /** Version of the last list. */
  listed: number
  /** Version of the list that was there before anybody was told anything. */
  silent: number
}

const NO_DIFFERENCE: Difference = { joined: [], left: [] }

/** Whether one of two stays of a member is the older; nodes tell apart what began in the same millisecond. */
export const isOlder = (a: { since: number; node: string }, b: { since: number; node: string }): boolean =>
  a.since < b.since || (a.since === b.since && a.node < b.node)

/**
 * Who is in one room at other nodes. Changes come one by one, and lists of all members now and then; a version on
 * each says which came first at its node, in whatever order they arrive here.
 */
export class RoomView {
  /** By the member's id, then by node. */
  readonly #members = new Map<string, Map<string, Stay>>()
  readonly #known = new Map<string, Known>()
  /** Changes that came while a list was under way: it may be from before them. */
  #later: { readonly node: string; readonly change: Change }[] = []
  #awaited = 0
  /** Whether the first lists are still to come, so that nothing can be said of who is new. */
  loading: boolean

  constructor(loading = false) {
    this.loading = loading
  }

  get empty(): boolean {
    return this.#members.size === 0
  }

  /** When a member joined last at another node; undefined when it is at none. */
  latest(id: string): number | undefined {
    const stays = this.#members.get(id)
    return stays && Math.max(...[...stays.values()].map(({ since }) => since))
  }

  /** What a node has said of a member, if the member is there. */
  at(node: string, id: string): Stay | undefined {
    return this.#members.get(id)?.get(node)
  }

  /** From here on a list is under way; to be followed by `arrived`, whatever becomes of it. */
  await(): void {
    this.#awaited++
  }

  arrived(): void {
    if (--this.#awaited === 0) this.#later = []
  }

  /**
   * Takes in a change. Returns whether the member is now at another node and was at none before, or the other way
   * round; undefined when the view cannot say, because it began later than the change.
   */
  apply(node: string, change: Change): boolean | undefined {
    const known = this.#knownOf(node)
    if (change.version <= known.seen) return change.version <= known.silent ? undefined : false
    known.seen = change.version
    if (this.#awaited > 0) this.#later.push({ node, change })
    const news = this.#make(node, change)
    return this.loading ? undefined : news
  }

  /** Takes in a list of all that are at a node. */
  replace(node: string, version: number, members: readonly Stay[]): Difference {
    const known = this.#knownOf(node)
    // Of two lists under way at once the older may come last.
    if (version < known.listed) return NO_DIFFERENCE
    known.listed = version
    known.seen = Math.max(known.seen, version)
    if (this.loading) known.silent = version
    const before = this.#allAt(node)
    for (const { id } of before) this.#remove(node, id)
    for (const member of members) this.#add(node, member)
    for (const later of this.#later) {
      if (later.node === node && later.change.version > version) this.#make(node, later.change)
    }
    if (this.loading) return NO_DIFFERENCE
    const was = new Set(before.map(({ id }) => id))
    return {
      joined: this.#allAt(node).filter(({ id }) => !was.has(id) && this.#members.get(id)?.size === 1),
      left: before.filter(({ id }) => !this.#members.has(id)),
    }
  }

  /** Forgets a node. Returns the members that are at no other node now. */
  drop(node: string): readonly Stay[] {
    this.#known.delete(node)
    this.#later = this.#later.filter((later) => later.node !== node)
    return this.#allAt(node).filter(({ id }) => this.#remove(node, id))
  }

  #allAt(node: string): Stay[] {
    return [...this.#members.values()].flatMap((stays) => stays.get(node) ?? [])
  }

  #make(node: string, { what, member }: Change): boolean {
    if (what === 'cleared') for (const { id } of this.#allAt(node)) this.#remove(node, id)
    if (!member) return false
    return what === 'joined' ? this.#add(node, member) : this.#remove(node, member.id)
  }

  /** Returns whether the member was nowhere. */
  #add(node: string, member: Stay): boolean {
    const stays = this.#members.get(member.id)
    if (stays) stays.set(node, member)
    else this.#members.set(member.id, new Map([[node, member]]))
    return !stays
  }

  /** Returns whether the member is nowhere now. */
  #remove(node: string, id: string): boolean {
    const stays = this.#members.get(id)
    if (!stays?.delete(node) || stays.size > 0) return false
    return this.#members.delete(id)
  }

  #knownOf(node: string): Known {
    let known = this.#known.get(node)
    if (!known) this.#known.set(node, (known = { seen: -1, listed: -1, silent: -1 }))
    return known
  }
}
