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

/** A list of members that is being received in pages. */
interface ArrivingList {
  /** Members that are in a page, or have joined since the list was requested. */
  readonly present: Set<string>
  /** Versions of the changes since the list was requested, by the member's id. */
  readonly changes: Map<string, number>
  /** Version of the last `cleared` since then. */
  cleared: number
}

/** The members at one node. */
interface NodeMembers {
  readonly members: Map<string, MemberRecord>
  /** Of the last change or page. */
  version: number
  list: ArrivingList | undefined
}

/** Departing members: their node has left, or its list does not contain them any more. They count as members until `release`. */
export type Departing = Map<string, MemberRecord>

/** Whether record `a` is older than record `b`. Records of the same millisecond are ordered by their nodes. */
export const isOlder = (a: { since: number; node: string }, b: { since: number; node: string }): boolean =>
  a.since < b.since || (a.since === b.since && a.node < b.node)

/**
 * A copy of the members that other nodes have in one room. It receives single changes, and lists of all members of a
 * node in pages. Changes and pages have versions, by which the replica knows their order at the node.
 */
export class RoomReplica {
  readonly #nodes = new Map<string, NodeMembers>()
  readonly #departing = new Set<Departing>()
  /** Whether the first lists have not arrived yet. Until then the replica cannot tell which members are new. */
  loading: boolean

  constructor(loading = false) {
    this.loading = loading
  }

  /** Whether no other node has members. */
  get empty(): boolean {
    return [...this.#nodes.values()].every(({ members }) => members.size === 0)
  }

  /** All records. A member at several nodes has several. */
  *records(): Iterable<MemberRecord> {
    for (const { members } of this.#nodes.values()) yield* members.values()
    for (const members of this.#departing) yield* members.values()
  }

  /** Returns the ids of the members at each node. */
  ids(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.#nodes].map(([node, { members }]) => [node, [...members.keys()]]))
  }

  /** Returns the record that a node has of a member. */
  get(node: string, id: string): MemberRecord | undefined {
    return this.#nodes.get(node)?.members.get(id)
  }

  /** Whether a member is at another node. */
  has(id: string): boolean {
    for (const { members } of this.#nodes.values()) if (members.has(id)) return true
    for (const members of this.#departing) if (members.has(id)) return true
    return false
  }

  /**
   * Returns the time of the last join of a member at another node; undefined if it is at no other node.
   *
   * @param except a client whose sessions do not count
   */
  lastJoin(id: string, except?: string): number | undefined {
    const all = [...[...this.#nodes.values()].map(({ members }) => members), ...this.#departing]
    const records = all.flatMap((members) => members.get(id) ?? [])
    const others = records.filter(({ client }) => client === undefined || client !== except)
    return others.length > 0 ? Math.max(...others.map(({ since }) => since)) : undefined
  }

  /** Applies a change. Returns the members that are now at their first other node, or have left their last one. */
  apply(node: string, { what, member, version }: RoomChange): readonly MemberRecord[] {
    const at = this.#at(node)
    if (version <= at.version) return []
    at.version = version
    if (!member) {
      const left = [...at.members.values()]
      at.members.clear()
      if (at.list) at.list.cleared = version
      return left.filter(({ id }) => !this.has(id))
    }
    const { id } = member
    at.list?.changes.set(id, version)
    if (what === 'joined') {
      at.list?.present.add(id)
      return this.#add(at, member) ? [member] : []
    }
    return at.members.delete(id) && !this.has(id) ? [member] : []
  }

  /** To be called before the list of a node is requested. Pages of an earlier request do not count any more. */
  beginList(node: string): void {
    this.#at(node).list = { present: new Set(), changes: new Map(), cleared: -1 }
  }

  /** Adds a member of a page, unless a later change has removed it. Returns whether it is at no other node. */
  addListed(node: string, record: MemberRecord, version: number): boolean {
    const at = this.#at(node)
    at.version = Math.max(at.version, version)
    const { list } = at
    if (!list || Math.max(list.changes.get(record.id) ?? -1, list.cleared) > version) return false
    list.present.add(record.id)
    return this.#add(at, record)
  }

  /** To be called after the last page. Returns the members that are not in the list. */
  endList(node: string): Departing {
    const at = this.#at(node)
    const { list } = at
    at.list = undefined
    const departing = new Map([...at.members].filter(([id]) => !list?.present.has(id)))
    for (const id of departing.keys()) at.members.delete(id)
    return this.#depart(departing)
  }

  /** Removes a node. Returns its members. */
  removeNode(node: string): Departing {
    const members = this.#nodes.get(node)?.members
    this.#nodes.delete(node)
    return this.#depart(members ?? new Map())
  }

  /** Removes one departing member. Returns its record if the member is at no other node. */
  release(departing: Departing, id: string): MemberRecord | undefined {
    const record = departing.get(id)
    departing.delete(id)
    if (departing.size === 0) this.#departing.delete(departing)
    return record && !this.has(id) ? record : undefined
  }

  #depart(departing: Departing): Departing {
    if (departing.size > 0) this.#departing.add(departing)
    return departing
  }

  #at(node: string): NodeMembers {
    let at = this.#nodes.get(node)
    if (!at) this.#nodes.set(node, (at = { members: new Map(), version: -1, list: undefined }))
    return at
  }

  /** Returns whether the member was nowhere. */
  #add(at: NodeMembers, member: MemberRecord): boolean {
    const isNew = !this.has(member.id)
    at.members.set(member.id, member)
    return isNew
  }
}
