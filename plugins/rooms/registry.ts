import type { App } from '../../core/app/app.ts'
import type { Actor } from '../../core/bus/event.ts'
import type { ClusterBackend } from '../../core/cluster/cluster.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Session } from '../../core/sessions/session.ts'
import type { Logger } from '../../core/util/logger.ts'
import { Follower } from './follower.ts'
import { assertRoom, nameTaken } from './names.ts'
import { Peers } from './peers.ts'
import { LocalPresence, type Presence, stayOf } from './presence.ts'
import type { LeaveReason, Member, MemberList, Rooms } from './tokens.ts'
import { isOlder, type Stay } from './view.ts'

export interface RoomSettings {
  readonly members: 'allow' | 'reject' | 'replace'
  readonly announce: boolean
  readonly maxRooms: number
}

/** A join that is under way: other nodes have a say in it, or are asked who is there. */
interface Attempt {
  done: Promise<Member>
}

const patternOf = (room: string): string => `rooms/${room}/*`

const actorOf = (session: Session): Actor => ({ session: session.id, user: session.user?.id ?? null })

/** Keeps who is in which room. A room begins with its first member and ends with its last. */
export class RoomRegistry implements Rooms {
  readonly #app: App
  readonly #settings: RoomSettings
  readonly #here = new LocalPresence()
  readonly #follower: Follower
  readonly #peers: Peers
  /** Members that stand for sessions without a user. */
  readonly #guests = new WeakMap<Session, Member>()
  readonly #attempts = new WeakMap<Session, Map<string, Attempt>>()

  /** @param cluster the backend, which is there once the app is put together */
  constructor(app: App, settings: RoomSettings, log: Logger, cluster: () => ClusterBackend) {
    this.#app = app
    this.#settings = settings
    const { cluster: nodes, bus } = app
    const here = this.#here
    const { announce } = settings
    const meets = (room: string, stay: Stay & { node: string }) => this.#meets(room, stay)
    this.#follower = new Follower({ nodes, bus, log, here, announce, meets })
    this.#peers = new Peers({ nodes, cluster, here, clear: (room) => this.#clear(room) })
  }

  /** @internal What is kept, for leak checks. */
  get usage(): { readonly rooms: number; readonly followed: number; readonly claims: number } {
    const { rooms } = this.#here
    return { rooms: rooms.length, followed: this.#follower.size, claims: this.#peers.claims }
  }

  async join(session: Session, room: string): Promise<Member> {
    assertRoom(room)
    if (session.closed) throw new RookeryError('session_closed')
    const attempts = this.#attemptsOf(session)
    const other = attempts.get(room)
    if (other) return other.done
    if (session.rooms.has(room)) return this.#memberOf(session)
    if (new Set([...session.rooms, ...attempts.keys()]).size >= this.#settings.maxRooms) {
      throw new RookeryError('too_many_rooms', `A session may be in ${this.#settings.maxRooms} rooms`)
    }
    const attempt = {} as Attempt
    attempts.set(room, attempt)
    attempt.done = this.#join(session, room, () => attempts.get(room) === attempt)
    try {
      return await attempt.done
    } finally {
      if (attempts.get(room) === attempt) attempts.delete(room)
    }
  }

  leave(session: Session, room: string): boolean {
    return this.#leave(session, room, 'left')
  }

  members(room: string): Promise<MemberList> {
    return this.#peers.members(room, this.#here.of(room).map(stayOf))
  }

  list(): readonly string[] {
    return this.#here.rooms
  }

  broadcast(room: string, topic: string, payload?: unknown): Promise<void> {
    assertRoom(room)
    return this.#app.publish(`rooms/${room}/${topic}`, payload)
  }

  async close(room: string, reason = new RookeryError('room_closed')): Promise<number> {
    const elsewhere = () => this.members(room).then(({ items }) => items.length > 0)
    if (!this.#here.has(room) && (this.#peers.alone || !(await elsewhere()))) return 0
    await this.broadcast(room, 'closed', { room, error: reason.toJSON() })
    const members = new Set(this.#clear(room))
    for (const id of await this.#peers.clear(room)) members.add(id)
    if (members.size > 0) this.#ended(room)
    return members.size
  }

  /** Takes a session that has closed out of its rooms. */
  forget(session: Session, error: RookeryError | undefined): void {
    // When the whole server goes, telling each member of each other that goes would take a square of the time.
    const silent = error?.code === 'shutting_down'
    for (const room of [...session.rooms]) this.#leave(session, room, silent ? null : 'disconnected')
  }

  #attemptsOf(session: Session): Map<string, Attempt> {
    let attempts = this.#attempts.get(session)
    if (!attempts) this.#attempts.set(session, (attempts = new Map()))
    return attempts
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

  /** @param wanted whether the session has not left again before it was in */
  async #join(session: Session, room: string, wanted: () => boolean): Promise<Member> {
    const member = this.#memberOf(session)
    const { id } = member
    const since = Date.now()
    const enter = () => {
      if (session.closed) throw new RookeryError('session_closed')
      if (!wanted()) throw new RookeryError('not_in_room')
      const presence = this.#enter(session, room, member, since)
      return { presence, loading: this.#follower.open(room) }
    }
    const unique = this.#settings.members === 'reject'
    const asks = unique && !this.#peers.alone && !this.#here.get(room, id)
    const { presence, loading } = asks ? await this.#peers.claim(room, member, since, enter) : enter()
    if (loading) {
      await loading
      if (session.closed) throw new RookeryError('session_closed')
      // It may have left, or been taken out.
      if (this.#here.get(room, id) !== presence) return member
      if (unique && this.#follower.latest(room, id) !== undefined) {
        this.#exit(session, room)
        this.#abandon(room)
        throw nameTaken(room, member.name)
      }
    }
    if (!presence.told) this.#arrived(session, room, presence)
    return member
  }

  /** @throws `name_taken` */
  #enter(session: Session, room: string, member: Member, since: number): Presence {
    const present = this.#here.get(room, member.id)
    if (present && this.#settings.members === 'reject') throw nameTaken(room, member.name)
    const presence = this.#here.enter(room, member, session, since)
    this.#app.sessions.enterRoom(session, room)
    session.subscribe(patternOf(room))
    if (present && this.#settings.members === 'replace') {
      // The newest is in already, so nobody sees the member leave.
      closeAll(
        [...present.sessions].filter((other) => other !== session),
        'replaced',
      )
    }
    return presence
  }

  /** A member has come to this node, and what there is to know of the room is known. */
  #arrived(session: Session, room: string, presence: Presence): void {
    const before = this.#follower.latest(room, presence.member.id)
    // The clocks of two nodes may differ: who comes to a room where it is already is the newer in any case.
    if (this.#settings.members === 'replace' && before !== undefined) {
      presence.since = Math.max(presence.since, before + 1)
    }
    this.#follower.joined(room, presence, actorOf(session))
  }

  /** A member that may be here is at another node too: unless that is allowed, one of the two has to go. */
  #meets(room: string, other: Stay & { readonly node: string }): void {
    const { members } = this.#settings
    const presence = this.#here.get(room, other.id)
    // Before it is told of, a member may still turn out to be refused; and as a replacement it is the newer.
    if (members === 'allow' || !presence?.told) return
    const older = isOlder({ since: presence.since, node: this.#app.cluster.node }, other)
    if (members === 'replace' && older) closeAll(presence.sessions, 'replaced')
    if (members === 'reject' && !older) closeAll(presence.sessions, 'name_taken')
  }

  /** @param reason to tell the others; null: they are told nothing */
  #leave(session: Session, room: string, reason: LeaveReason | null): boolean {
    const underWay = this.#attempts.get(session)?.delete(room) ?? false
    if (!session.rooms.has(room)) return underWay
    const gone = this.#exit(session, room)
    if (gone?.told && reason) this.#follower.left(room, gone, reason, actorOf(session))
    if (this.#abandon(room) && gone?.told) this.#ended(room)
    return true
  }

  /** Takes everybody out without a word to clients. Returns the members' ids. */
  #clear(room: string): readonly string[] {
    const members = this.#here.of(room)
    if (members.length === 0) return []
    for (const session of members.flatMap(({ sessions }) => [...sessions])) {
      this.#attempts.get(session)?.delete(room)
      this.#exit(session, room)
    }
    this.#abandon(room)
    this.#follower.cleared(room)
    return members.map(({ member }) => member.id)
  }

  /** Returns the member when this was its last session here. */
  #exit(session: Session, room: string): Presence | undefined {
    session.unsubscribe(patternOf(room))
    this.#app.sessions.exitRoom(session, room)
    return this.#here.exit(room, this.#memberOf(session).id, session)
  }

  /** Lets go of a room that nobody here is in any more. Returns whether nobody is at other nodes either. */
  #abandon(room: string): boolean {
    return !this.#here.has(room) && this.#follower.close(room)
  }

  #ended(room: string): void {
    this.#app.bus.publish(`rooms/${room}/ended`, { room })
  }
}

const closeAll = (sessions: Iterable<Session>, code: 'replaced' | 'name_taken'): void => {
  for (const session of [...sessions]) session.close(new RookeryError(code))
}
