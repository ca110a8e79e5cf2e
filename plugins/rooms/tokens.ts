import type { RookeryError } from '../../core/protocol/errors.ts'
import type { Session } from '../../core/sessions/session.ts'
import { createToken } from '../../core/util/token.ts'

/** A member of a room: a user with all devices, or one session without a user. */
export interface Member {
  /** The user's id; a random id for a session without a user. */
  readonly id: string
  readonly name: string
}

/** The members of a room. `missing` names the nodes that did not answer; their members are not in `items`. */
export interface MemberList {
  readonly items: readonly Member[]
  readonly missing: readonly string[]
}

/** Why a member left. `left`: its client or the server took it out. `disconnected`: its last connection has closed. */
export type LeaveReason = 'left' | 'disconnected'

/**
 * The rooms of an app.
 *
 * @example app.scope.get(Rooms).broadcast('42', 'news', { text: 'hello' })
 */
export interface Rooms {
  /**
   * Adds a session to a room. From then on it receives all messages under `rooms/<room>/*`. Joining again does nothing.
   *
   * @throws `invalid_room`, `too_many_rooms`, `name_taken`, `session_closed`
   */
  join(session: Session, room: string): Promise<Member>
  /** Removes a session from a room. Returns whether it was a member, or about to become one. */
  leave(session: Session, room: string): boolean
  /** Returns the members of a room at all nodes, in the order of joining; an empty list for an unknown room. */
  members(room: string): Promise<MemberList>
  /** Returns the rooms that have a member on this node. */
  list(): readonly string[]
  /**
   * Publishes to `rooms/<room>/<topic>`. A rejection that nobody handles is logged.
   *
   * @throws `invalid_room`, `invalid_topic`, `unserializable`
   */
  broadcast(room: string, topic: string, payload?: unknown): Promise<void>
  /**
   * Publishes `rooms/<room>/closed` and then removes all members, on every node. Their sessions stay open.
   *
   * @param reason sent to the members. @default `room_closed`
   * @returns the number of members removed
   */
  close(room: string, reason?: RookeryError): Promise<number>
}

export const Rooms = createToken<Rooms>('Rooms', "rooms() from 'rookery/rooms'")
