import { type LocalMembers, recordOf } from './local-members.ts'
import { toMember } from './messages.ts'
import type { RemoteMembers } from './remote-members.ts'
import type { MemberRecord } from './room-replica.ts'
import type { RoomRpc } from './room-rpc.ts'
import type { Member, MemberList } from './tokens.ts'

/** The ids of members, by node. */
type MemberIds = ReadonlyMap<string, readonly string[]>

/** Lists the members that a room has at all nodes. */
export class MemberDirectory {
  readonly #local: LocalMembers
  readonly #remote: RemoteMembers
  readonly #rpc: RoomRpc

  constructor(local: LocalMembers, remote: RemoteMembers, rpc: RoomRpc) {
    this.#local = local
    this.#remote = remote
    this.#rpc = rpc
  }

  /** A promise while the members at the other nodes are loaded. */
  loading(room: string): Promise<void> | undefined {
    return this.#remote.loading(room)
  }

  /** Returns the members of a room with members at this node: what this node has told its clients. */
  view(room: string): MemberList {
    const remote = this.#remote.replica(room)?.records() ?? []
    return { items: merged([this.#announced(room), remote]), missing: this.#remote.missing(room) }
  }

  /** Returns the members of a room. Asks the other nodes if this node has no members. */
  async members(room: string): Promise<MemberList> {
    if (this.#remote.replica(room)) return this.view(room)
    const { records, missing } = await this.#rpc.members(room)
    return { items: merged([this.#announced(room), ...records.values()]), missing }
  }

  /** Returns the ids of the members that each other node has. A promise if this node has to ask. */
  elsewhere(room: string): MemberIds | Promise<MemberIds> {
    const replica = this.#remote.replica(room)
    if (replica) return replica.ids()
    const ids = (records: readonly MemberRecord[]) => records.map(({ id }) => id)
    const all = this.#rpc.members(room)
    return all.then(({ records }) => new Map([...records].map(([node, list]) => [node, ids(list)])))
  }

  *#announced(room: string): Iterable<MemberRecord> {
    for (const local of this.#local.in(room)) if (local.announced) yield recordOf(local)
  }
}

/** Returns each member once, in the order of joining. */
const merged = (sources: readonly Iterable<MemberRecord>[]): readonly Member[] => {
  const first = new Map<string, MemberRecord>()
  for (const source of sources) {
    for (const record of source) {
      const other = first.get(record.id)
      if (!other || record.since < other.since) first.set(record.id, record)
    }
  }
  return [...first.values()].sort((a, b) => a.since - b.since).map(toMember)
}
