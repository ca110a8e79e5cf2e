import type { App } from '../../core/app/app.ts'
import type { ClusterBackend } from '../../core/cluster/cluster.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Session } from '../../core/sessions/session.ts'
import type { Logger } from '../../core/util/logger.ts'
import { reported } from '../../core/util/observed-promise.ts'
import { type LocalMember, LocalMembers } from './local-members.ts'
import { resolveConflict } from './member-conflicts.ts'
import { MemberDirectory } from './member-directory.ts'
import { assertRoom, nameTaken } from './names.ts'
import { RemoteMembers } from './remote-members.ts'
import type { MemberRecord } from './room-replica.ts'
import { RoomRpc } from './room-rpc.ts'
import { actorOf, closeAll, patternOf } from './room-sessions.ts'
import { SessionMembers } from './session-members.ts'
import type { LeaveReason, Member, MemberList, Rooms } from './tokens.ts'

export interface RoomSettings {
  readonly members: 'allow' | 'reject' | 'replace'
  readonly announce: boolean
  readonly maxRooms: number
}

/** A join that waits for other nodes: they may reject it, or send their members. */
interface PendingJoin {
  done: Promise<Member>
}

/** Keeps the rooms and their members. A room begins with its first member and ends with its last. */
export class RoomRegistry implements Rooms {
  readonly #app: App
  readonly #settings: RoomSettings
  readonly #log: Logger
  readonly #local = new LocalMembers()
  readonly #remote: RemoteMembers
  readonly #rpc: RoomRpc
  /** @internal The lists of members, for the plugin's handlers. */
  readonly directory: MemberDirectory
  readonly #members = new SessionMembers()
  readonly #pendingJoins = new WeakMap<Session, Map<string, PendingJoin>>()

  /** @param cluster returns the backend, which is not set up yet when this is called */
  constructor(app: App, settings: RoomSettings, log: Logger, cluster: () => ClusterBackend) {
    this.#app = app
    this.#settings = settings
    this.#log = log
    const { cluster: nodes, bus } = app
    const local = this.#local
    const memberFound = (room: string, record: MemberRecord & { node: string }) =>
      resolveConflict(settings.members, nodes.node, local.get(room, record.id), record)
    this.#remote = new RemoteMembers({ nodes, bus, log, local, announce: settings.announce, memberFound })
    this.#rpc = new RoomRpc({ nodes, cluster, local, clear: (room) => this.#clear(room) })
    this.directory = new MemberDirectory(local, this.#remote, this.#rpc)
  }

  /** @internal Numbers of entries, for leak checks. */
  get usage(): { readonly rooms: number; readonly replicas: number; readonly claims: number } {
    const { rooms } = this.#local
    return { rooms: rooms.length, replicas: this.#remote.size, claims: this.#rpc.claims }
  }

  join(session: Session, room: string): Promise<Member> {
    return this.#reported(this.#joinOnce(session, room), 'a join')
  }

  close(room: string, reason = new RookeryError('room_closed')): Promise<number> {
    return this.#reported(this.#close(room, reason), 'closing a room')
  }

  /** A promise for the application, which need not handle its rejection. */
  #reported<T>(promise: Promise<T>, what: string): Promise<T> {
    return reported(promise, (err) => {
      // A client may leave at any time.
      const level = err instanceof RookeryError && err.code === 'session_closed' ? 'debug' : 'error'
      this.#log[level]({ err, stage: 'rooms' }, `${what} failed`)
    })
  }

  async #joinOnce(session: Session, room: string): Promise<Member> {
    assertRoom(room)
    if (session.closed) throw new RookeryError('session_closed')
    const pending = this.#pendingJoinsOf(session)
    const other = pending.get(room)
    if (other) return other.done
    if (session.rooms.has(room)) return this.#members.of(session)
    if (new Set([...session.rooms, ...pending.keys()]).size >= this.#settings.maxRooms) {
      throw new RookeryError('too_many_rooms', `A session may be in ${this.#settings.maxRooms} rooms`)
    }
    const join = {} as PendingJoin
    pending.set(room, join)
    join.done = this.#join(session, room, () => pending.get(room) === join)
    try {
      return await join.done
    } finally {
      if (pending.get(room) === join) pending.delete(room)
    }
  }

  leave(session: Session, room: string, reason = new RookeryError('room_closed')): boolean {
    const left = this.leaveByClient(session, room)
    if (left) session.send(`rooms/${room}/closed`, { room, error: reason.toJSON() })
    return left
  }

  /** Removes a session whose client asks for it. Returns whether it was a member, or about to become one. */
  leaveByClient(session: Session, room: string): boolean {
    return this.#leave(session, room, 'left')
  }

  members(room: string): Promise<MemberList> {
    return this.directory.members(room)
  }

  list(): readonly string[] {
    return this.#local.rooms
  }

  broadcast(room: string, topic: string, payload?: unknown): Promise<void> {
    try {
      assertRoom(room)
    } catch (error) {
      return this.#reported(Promise.reject(error), 'a broadcast')
    }
    return this.#app.publish(`rooms/${room}/${topic}`, payload)
  }

  async #close(room: string, reason: RookeryError): Promise<number> {
    const found = this.directory.elsewhere(room)
    const elsewhere = found instanceof Promise ? await found : found
    if (!this.#local.has(room) && [...elsewhere.values()].every((ids) => ids.length === 0)) return 0
    await this.broadcast(room, 'closed', { room, error: reason.toJSON() })
    // Asked first, so that no node learns that this node has no members before it has removed its own.
    const clearing = this.#rpc.clear(room)
    const members = new Set(this.#clear(room))
    for (const node of await clearing) {
      for (const id of elsewhere.get(node) ?? []) members.add(id)
    }
    if (members.size > 0) this.#publishEnded(room)
    return members.size
  }

  /** Removes a closed session from its rooms. */
  removeSession(session: Session, error: RookeryError | undefined): void {
    // When the server stops, n members leave at once, and announcing each to the others takes n² messages.
    const silent = error?.code === 'shutting_down'
    for (const room of [...session.rooms]) this.#leave(session, room, silent ? null : 'disconnected')
  }

  #pendingJoinsOf(session: Session): Map<string, PendingJoin> {
    let pending = this.#pendingJoins.get(session)
    if (!pending) this.#pendingJoins.set(session, (pending = new Map()))
    return pending
  }

  /** @param wanted returns false once the session has left the room during the join */
  async #join(session: Session, room: string, wanted: () => boolean): Promise<Member> {
    const member = this.#members.of(session)
    const { id } = member
    const since = Date.now()
    const enter = () => {
      if (session.closed) throw new RookeryError('session_closed')
      if (!wanted()) throw new RookeryError('not_in_room')
      const local = this.#enter(session, room, member, since)
      return { local, loading: this.#remote.open(room) }
    }
    const unique = this.#settings.members === 'reject'
    const mustClaim = unique && !this.#rpc.alone && !this.#local.get(room, id)
    const { local, loading } = mustClaim
      ? await this.#rpc.claim(room, member, { since, client: session.client }, enter)
      : enter()
    if (loading) {
      await loading
      if (session.closed) throw new RookeryError('session_closed')
      // The session may have left, or the room may have been closed.
      if (this.#local.get(room, id) !== local) return member
      if (unique && this.#remote.lastJoin(room, id, session.client) !== undefined) {
        this.#exit(session, room)
        this.#releaseIfEmpty(room)
        throw nameTaken(room, member.name)
      }
    }
    if (!local.announced) this.#announceJoin(session, room, local)
    return member
  }

  /** @throws `name_taken` */
  #enter(session: Session, room: string, member: Member, since: number): LocalMember {
    const { members } = this.#settings
    const existing = this.#local.get(room, member.id)
    // A client that changes its transport has two sessions for a moment.
    const others = [...(existing?.sessions ?? [])].filter(({ client }) => client !== session.client)
    if (others.length > 0 && members === 'reject') throw nameTaken(room, member.name)
    const local = this.#local.add(room, member, session, since)
    if (members !== 'allow') local.client = session.client
    this.#app.sessions.enterRoom(session, room)
    session.subscribe(patternOf(room))
    // The new session is in the room before the others are closed, so the member does not leave in between.
    if (members === 'replace') closeAll(others, new RookeryError('replaced'))
    return local
  }

  /** Announces a new member of this node, once the members at other nodes are known. */
  #announceJoin(session: Session, room: string, local: LocalMember): void {
    const lastJoin = this.#remote.lastJoin(room, local.member.id)
    // The clocks of two nodes may differ, but a member that joins again is newer in any case.
    if (this.#settings.members === 'replace' && lastJoin !== undefined) {
      local.since = Math.max(local.since, lastJoin + 1)
    }
    this.#remote.announceJoin(room, local, actorOf(session))
  }

  /** @param reason announced to the other members; null: the leave is not announced */
  #leave(session: Session, room: string, reason: LeaveReason | null): boolean {
    const wasJoining = this.#pendingJoins.get(session)?.delete(room) ?? false
    if (!session.rooms.has(room)) return wasJoining
    const gone = this.#exit(session, room)
    if (gone?.announced && reason) this.#remote.announceLeave(room, gone, reason, actorOf(session))
    if (this.#releaseIfEmpty(room) && gone?.announced) this.#publishEnded(room)
    return true
  }

  /** Removes all members here without telling clients. Returns the members' ids. */
  #clear(room: string): readonly string[] {
    const members = [...this.#local.in(room)]
    if (members.length === 0) return []
    for (const session of members.flatMap(({ sessions }) => [...sessions])) {
      this.#pendingJoins.get(session)?.delete(room)
      this.#exit(session, room)
    }
    this.#releaseIfEmpty(room)
    this.#remote.announceClear(room)
    return members.map(({ member }) => member.id)
  }

  /** Returns the member if this was its last session here. */
  #exit(session: Session, room: string): LocalMember | undefined {
    session.unsubscribe(patternOf(room))
    this.#app.sessions.exitRoom(session, room)
    return this.#local.remove(room, this.#members.of(session).id, session)
  }

  /** Stops replicating a room that has no members here. Returns whether it has none at other nodes, either. */
  #releaseIfEmpty(room: string): boolean {
    return !this.#local.has(room) && this.#remote.close(room)
  }

  #publishEnded(room: string): void {
    this.#app.bus.publish(`rooms/${room}/ended`, { room })
  }
}
