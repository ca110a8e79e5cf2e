import type { Session } from '../../core/sessions/session.ts'
import type { MemberRecord } from './room-replica.ts'
import type { Member } from './tokens.ts'

/** A member of a room at this node, with its sessions here. */
export interface LocalMember {
  readonly member: Member
  readonly sessions: Set<Session>
  /** Time at which the member joined, in milliseconds since 1970. */
  since: number
  /** Whether this node has announced the member. Until then other nodes do not get it in lists. */
  announced: boolean
  /** Counts up with each member of this node. */
  readonly place: number
  /** The `client` of the sessions, if a member may have only one client. */
  client?: string | undefined
}

export const recordOf = ({ member: { id, name }, since, client }: LocalMember): MemberRecord => ({
  id,
  name,
  since,
  ...(client !== undefined && { client }),
})

/** The members of all rooms at this node. A room begins with its first member here and ends with its last. */
export class LocalMembers {
  /** By room, then by the member's id, in the order of joining. */
  readonly #rooms = new Map<string, Map<string, LocalMember>>()
  #count = 0

  get rooms(): readonly string[] {
    return [...this.#rooms.keys()]
  }

  has(room: string): boolean {
    return this.#rooms.has(room)
  }

  get(room: string, id: string): LocalMember | undefined {
    return this.#rooms.get(room)?.get(id)
  }

  /** Whether this node has announced a member. */
  isAnnounced(room: string, id: string): boolean {
    return this.get(room, id)?.announced === true
  }

  /** The members of a room, in the order of joining. */
  in(room: string): Iterable<LocalMember> {
    return this.#rooms.get(room)?.values() ?? []
  }

  /** Adds a session, and the member with its first session. */
  add(room: string, member: Member, session: Session, since: number): LocalMember {
    let members = this.#rooms.get(room)
    if (!members) this.#rooms.set(room, (members = new Map()))
    let local = members.get(member.id)
    if (!local) {
      local = { member, sessions: new Set(), since, announced: false, place: ++this.#count }
      members.set(member.id, local)
    }
    local.sessions.add(session)
    return local
  }

  /** Removes a session. Returns the member if this was its last session here. */
  remove(room: string, id: string, session: Session): LocalMember | undefined {
    const members = this.#rooms.get(room)
    const local = members?.get(id)
    if (!members || !local?.sessions.delete(session) || local.sessions.size > 0) return undefined
    members.delete(id)
    if (members.size === 0) this.#rooms.delete(room)
    return local
  }
}
