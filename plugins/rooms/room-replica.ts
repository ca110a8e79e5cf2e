import type { Member } from './tokens.ts'

/** A member as nodes describe it to each other. */
export interface MemberRecord extends Member {
  /** Time at which the member joined at its node, in milliseconds of that node's clock. */
  readonly since: number
  /** The `client` of the member's sessions at its node, if a member may have only one client. */
  readonly client?: string | undefined
}

/** A change of a room at one node. Names and fields are part of the protocol between nodes. */
export interface RoomChange {
  /** `cleared`: the node has removed all members. */
  readonly what: 'joined' | 'left' | 'cleared'
  readonly room: string
  /** Absent for `cleared`. */
  readonly member?: MemberRecord
  /** Counts the changes of all rooms at the node. */
  readonly version: number
}

/** Members that a replica gained and lost. */
export interface MemberDifference {
  readonly joined: readonly MemberRecord[]
  readonly left: readonly MemberRecord[]
}

/** Versions that a replica has received from one node. */
interface NodeVersions {
  /** Of the last change or list. */
  latest: number
  /** Of the last list. */
  list: number
  /** Of the last list that arrived while the replica was loading. */
  loaded: number
}

const NO_DIFFERENCE: MemberDifference = { joined: [], left: [] }

/** Whether record `a` is older than record `b`. Records of the same millisecond are ordered by their nodes. */
export const isOlder = (a: { since: number; node: string }, b: { since: number; node: string }): boolean =>
  a.since < b.since || (a.since === b.since && a.node < b.node)

/**
 * A copy of the members that other nodes have in one room. It receives single changes, and lists of all members of a
 * node. Each has a version, by which the replica knows their order at the node, in whatever order they arrive.
 */
export class RoomReplica {
  /** By the member's id, then by node. */
  readonly #members = new Map<string, Map<string, MemberRecord>>()
  readonly #versions = new Map<string, NodeVersions>()
  /** Changes that arrived while a list was requested. The list may be older, so they are applied to it again. */
  #recentChanges: { readonly node: string; readonly change: RoomChange }[] = []
  #requestedLists = 0
  /** Whether the first lists have not arrived yet. Until then the replica cannot tell which members are new. */
  loading: boolean

  constructor(loading = false) {
    this.loading = loading
  }

  get empty(): boolean {
    return this.#members.size === 0
  }

  /**
   * Returns the time of the last join of a member at another node; undefined if it is at no other node.
   *
   * @param except a client whose sessions do not count
   */
  lastJoin(id: string, except?: string): number | undefined {
    const records = [...(this.#members.get(id)?.values() ?? [])]
    const others = records.filter(({ client }) => client === undefined || client !== except)
    return others.length > 0 ? Math.max(...others.map(({ since }) => since)) : undefined
  }

  /** Returns the record that a node has of a member. */
  get(node: string, id: string): MemberRecord | undefined {
    return this.#members.get(id)?.get(node)
  }

  /** MUST be called before a list is requested, and `listSettled` after it has arrived or failed. */
  listRequested(): void {
    this.#requestedLists++
  }

  listSettled(): void {
    if (--this.#requestedLists === 0) this.#recentChanges = []
  }

  /**
   * Applies a change. Returns whether the member is now at its first other node, or has left its last one; undefined if
   * the replica is loading or was loaded after the change, and so cannot tell.
   */
  apply(node: string, change: RoomChange): boolean | undefined {
    const versions = this.#versionsOf(node)
    if (change.version <= versions.latest) return change.version <= versions.loaded ? undefined : false
    versions.latest = change.version
    if (this.#requestedLists > 0) this.#recentChanges.push({ node, change })
    const isNews = this.#applyChange(node, change)
    return this.loading ? undefined : isNews
  }

  /** Replaces the members of a node with a list. */
  applyList(node: string, version: number, members: readonly MemberRecord[]): MemberDifference {
    const versions = this.#versionsOf(node)
    // If two lists were requested, the older one may arrive last.
    if (version < versions.list) return NO_DIFFERENCE
    versions.list = version
    versions.latest = Math.max(versions.latest, version)
    if (this.loading) versions.loaded = version
    const before = this.#membersAt(node)
    for (const { id } of before) this.#remove(node, id)
    for (const member of members) this.#add(node, member)
    for (const recent of this.#recentChanges) {
      if (recent.node === node && recent.change.version > version) this.#applyChange(node, recent.change)
    }
    if (this.loading) return NO_DIFFERENCE
    const idsBefore = new Set(before.map(({ id }) => id))
    return {
      joined: this.#membersAt(node).filter(
        ({ id }) => !idsBefore.has(id) && this.#members.get(id)?.size === 1,
      ),
      left: before.filter(({ id }) => !this.#members.has(id)),
    }
  }

  /** Removes a node. Returns its members that are at no other node. */
  removeNode(node: string): readonly MemberRecord[] {
    this.#versions.delete(node)
    this.#recentChanges = this.#recentChanges.filter((recent) => recent.node !== node)
    return this.#membersAt(node).filter(({ id }) => this.#remove(node, id))
  }

  #membersAt(node: string): MemberRecord[] {
    return [...this.#members.values()].flatMap((records) => records.get(node) ?? [])
  }

  #applyChange(node: string, { what, member }: RoomChange): boolean {
    if (what === 'cleared') for (const { id } of this.#membersAt(node)) this.#remove(node, id)
    if (!member) return false
    return what === 'joined' ? this.#add(node, member) : this.#remove(node, member.id)
  }

  /** Returns whether the member was at no other node. */
  #add(node: string, member: MemberRecord): boolean {
    const records = this.#members.get(member.id)
    if (records) records.set(node, member)
    else this.#members.set(member.id, new Map([[node, member]]))
    return !records
  }

  /** Returns whether the member was at this node only. */
  #remove(node: string, id: string): boolean {
    const records = this.#members.get(id)
    if (!records?.delete(node) || records.size > 0) return false
    return this.#members.delete(id)
  }

  #versionsOf(node: string): NodeVersions {
    let versions = this.#versions.get(node)
    if (!versions) this.#versions.set(node, (versions = { latest: -1, list: -1, loaded: -1 }))
    return versions
  }
}
