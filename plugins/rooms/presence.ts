import type { Session } from '../../core/sessions/session.ts'
import type { Member } from './tokens.ts'
import type { Stay } from './view.ts'

/** A member at this node, with all its sessions here. */
export interface Presence {
  readonly member: Member
  readonly sessions: Set<Session>
  /** When it joined, in milliseconds. */
  since: number
  /** Whether the other nodes have been told. Until then it is nobody else's business. */
  told: boolean
}

export const stayOf = ({ member: { id, name }, since }: Presence): Stay => ({ id, name, since })

/** Who is in which room at this node. A room begins with its first member here and ends with its last. */
export class LocalPresence {
  /** Members by id, in the order of joining. */
  readonly #rooms = new Map<string, Map<string, Presence>>()

  get rooms(): readonly string[] {
    return [...this.#rooms.keys()]
  }

  has(room: string): boolean {
    return this.#rooms.has(room)
  }

  get(room: string, id: string): Presence | undefined {
    return this.#rooms.get(room)?.get(id)
  }

  /** Members of a room, in the order of joining. */
  of(room: string): readonly Presence[] {
    return [...(this.#rooms.get(room)?.values() ?? [])]
  }

  /** Members of a room that other nodes have been told of. */
  told(room: string): readonly Stay[] {
    return this.of(room)
      .filter(({ told }) => told)
      .map(stayOf)
  }

  enter(room: string, member: Member, session: Session, since: number): Presence {
    let members = this.#rooms.get(room)
    if (!members) this.#rooms.set(room, (members = new Map()))
    let presence = members.get(member.id)
    if (!presence) {
      presence = { member, sessions: new Set(), since, told: false }
      members.set(member.id, presence)
    }
    presence.sessions.add(session)
    return presence
  }

  /** Returns the member when this was its last session here. */
  exit(room: string, id: string, session: Session): Presence | undefined {
    const members = this.#rooms.get(room)
    const presence = members?.get(id)
    if (!members || !presence?.sessions.delete(session) || presence.sessions.size > 0) return undefined
    members.delete(id)
    if (members.size === 0) this.#rooms.delete(room)
    return presence
  }
}
