import type { RookeryError } from '../../core/protocol/errors.ts'
import type { Session } from '../../core/sessions/session.ts'
import { createToken } from '../../core/util/token.ts'

/** Someone in a room: a user with all their devices, or one session that has no user. */
export interface Member {
  /** The user's id; a random one for a session without a user. */
  readonly id: string
  readonly name: string
}

/** `missing` names the nodes that did not answer: their members are not among the items. */
export interface MemberList {
  readonly items: readonly Member[]
  readonly missing: readonly string[]
}

/** Why a member left: by itself, or because its last connection went. */
export type LeaveReason = 'left' | 'disconnected'

/** The rooms of an app, for its server side. */
export interface Rooms {
  /**
   * Puts a session into a room; it receives everything under `rooms/<room>/*` from then on. Joining twice is one.
   *
   * @throws `invalid_room`, `too_many_rooms`, `name_taken`, `session_closed`
   */
  join(session: Session, room: string): Promise<Member>
  /** Takes a session out of a room; returns whether it was in. */
  leave(session: Session, room: string): boolean
  /** Members of a room, in the order of joining; none when there is no such room. */
  members(room: string): Promise<MemberList>
  /** Rooms that have a member on this node. */
  list(): readonly string[]
  /** Publishes to `rooms/<room>/<topic>`. Bad input throws at once. @throws `invalid_room`, `invalid_topic`, `unserializable` */
  broadcast(room: string, topic: string, payload?: unknown): Promise<void>
  /**
   * Tells a room on `rooms/<room>/closed` that it is over, and takes everybody out; their sessions stay open.
   * Returns how many members there were.
   */
  close(room: string, reason?: RookeryError): Promise<number>
}

export const Rooms = createToken<Rooms>('Rooms', "rooms() from 'rookery/rooms'")
