import type { App } from '../../core/app.ts'
import { RookeryError } from '../../core/errors.ts'
import type { Actor } from '../../core/event.ts'
import type { Session } from '../../core/session.ts'
import { assertRoom } from './names.ts'
import type { LeaveReason, Member, MemberList, Rooms } from './tokens.ts'

export interface RoomSettings {
  readonly members: 'allow' | 'reject' | 'replace'
  readonly announce: boolean
  readonly maxRooms: number
}

interface Presence {
  readonly member: Member
  readonly sessions: Set<Session>
}

/** Members of a room by id, in the order of joining. */
type Room = Map<string, Presence>

const patternOf = (room: string): string => `rooms/${room}/*`

const actorOf = (session: Session): Actor => ({ session: session.id, user: session.user?.id ?? null })

/** Keeps who is in which room. A room begins with its first member and ends with its last. */
export class RoomRegistry implements Rooms {
  readonly #app: App
  readonly #settings: RoomSettings
  readonly #rooms = new Map<string, Room>()
  /** Members that stand for sessions without a user. */
  readonly #guests = new WeakMap<Session, Member>()

  constructor(app: App, settings: RoomSettings) {
    this.#app = app
    this.#settings = settings
  }

  async join(session: Session, room: string): Promise<Member> {
    assertRoom(room)
    if (session.closed) throw new RookeryError('session_closed')
    const member = this.#memberOf(session)
    if (session.rooms.has(room)) return member
    if (session.rooms.size >= this.#settings.maxRooms) {
      throw new RookeryError('too_many_rooms', `A session may be in ${this.#settings.maxRooms} rooms`)
    }
    const present = this.#rooms.get(room)?.get(member.id)
    if (present && this.#settings.members === 'reject') {
      throw new RookeryError('name_taken', `'${member.name}' is already in room '${room}'`)
    }
    this.#enter(session, room, member)
    if (present) {
      if (this.#settings.members === 'replace') this.#replace(present, session)
    } else {
      this.#announce(room, 'joined', { room, member }, actorOf(session))
    }
    return member
  }

  leave(session: Session, room: string): boolean {
    return this.#leave(session, room, 'left')
  }

  async members(room: string): Promise<MemberList> {
    return { items: this.#here(room), missing: [] }
  }

  list(): readonly string[] {
    return [...this.#rooms.keys()]
  }

  broadcast(room: string, topic: string, payload?: unknown): Promise<void> {
    assertRoom(room)
    return this.#app.publish(`rooms/${room}/${topic}`, payload)
  }

  async close(room: string, reason = new RookeryError('room_closed')): Promise<number> {
    const members = this.#rooms.get(room)
    if (!members) return 0
    await this.broadcast(room, 'closed', { room, error: reason.toJSON() })
    const { size } = members
    for (const { sessions } of [...members.values()]) {
      for (const session of [...sessions]) this.#leave(session, room, null)
    }
    return size
  }

  /** Takes a session that has closed out of its rooms. */
  forget(session: Session, error: RookeryError | undefined): void {
    // When the whole server goes, telling each member of each other that goes would take a square of the time.
    const silent = error?.code === 'shutting_down'
    for (const room of [...session.rooms]) this.#leave(session, room, silent ? null : 'disconnected')
  }

  #memberOf(session: Session): Member {
    if (session.user) return { id: session.user.id, name: session.user.name }
    let guest = this.#guests.get(session)
    if (!guest) {
      guest = { id: `guest-${crypto.randomUUID().slice(0, 8)}`, name: 'Guest' }
      this.#guests.set(session, guest)
    }
    return guest
  }

  #here(room: string): Member[] {
    return [...(this.#rooms.get(room)?.values() ?? [])].map(({ member }) => member)
  }

  #enter(session: Session, room: string, member: Member): void {
    let members = this.#rooms.get(room)
    if (!members) {
      members = new Map()
      this.#rooms.set(room, members)
    }
    const presence = members.get(member.id)
    if (presence) presence.sessions.add(session)
    else members.set(member.id, { member, sessions: new Set([session]) })
    session.enterRoom(room)
    session.subscribe(patternOf(room))
  }

  /** Closes a member's other sessions. The newest is in already, so nobody sees the member leave. */
  #replace({ sessions }: Presence, newest: Session): void {
    for (const session of [...sessions]) if (session !== newest) session.close(new RookeryError('replaced'))
  }

  /** @param reason to tell the others; null: they are told nothing */
  #leave(session: Session, room: string, reason: LeaveReason | null): boolean {
    if (!session.rooms.has(room)) return false
    session.unsubscribe(patternOf(room))
    session.exitRoom(room)
    const members = this.#rooms.get(room)
    const { id } = this.#memberOf(session)
    const presence = members?.get(id)
    if (!members || !presence?.sessions.delete(session) || presence.sessions.size > 0) return true
    members.delete(id)
    if (reason) this.#announce(room, 'left', { room, member: presence.member, reason }, actorOf(session))
    if (members.size === 0) {
      this.#rooms.delete(room)
      this.#app.bus.publish(`rooms/${room}/ended`, { room })
    }
    return true
  }

  /** Tells listeners, and the members too unless announcements are off. */
  #announce(room: string, what: 'joined' | 'left', payload: object, actor: Actor): void {
    const event = { topics: [`rooms/${room}/${what}`], payload, actor }
    if (this.#settings.announce) void this.#app.publish(event)
    else this.#app.bus.publish(event)
  }
}
