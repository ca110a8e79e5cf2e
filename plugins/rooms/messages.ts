import type { MemberRecord, RoomChange } from './room-replica.ts'
import type { Member } from './tokens.ts'

/** Kind of the messages by which nodes announce joins and leaves. */
export const ROOM_CHANGE_KIND = 'rooms'

/** The note of such a message: the fields that clients do not get. */
export interface RoomChangeNote extends RoomChange {
  /** Whether the sender knows of no other device of the member, so that the change is news for all nodes. */
  readonly fresh: boolean
}

/** Asks for the members of one room: `{ room }` is answered with a `RoomSnapshot`. */
export const SNAPSHOT_METHOD = 'rooms.snapshot'
export interface RoomSnapshot {
  readonly version: number
  readonly members: readonly MemberRecord[]
}

/** Asks for the members of many rooms: `{ rooms }` is answered with a `RoomsSnapshot`, which omits empty rooms. */
export const SYNC_METHOD = 'rooms.sync'
export interface RoomsSnapshot {
  readonly version: number
  readonly rooms: Readonly<Record<string, readonly MemberRecord[]>>
}

/** Asks whether a member is in the room already: a `ClaimRequest` is answered with true or false. */
export const CLAIM_METHOD = 'rooms.claim'
export interface ClaimRequest {
  readonly room: string
  readonly id: string
  readonly since: number
  readonly client: string
}

/** Removes all members of a room: `{ room }` is answered with the ids of the members. */
export const CLOSE_METHOD = 'rooms.close'

export const toMember = ({ id, name }: MemberRecord): Member => ({ id, name })

/** Returns the message that clients get on `rooms/<room>/joined` or `rooms/<room>/left`. */
export const changeMessage = (room: string, what: 'joined' | 'left', payload: object | undefined) => {
  const topic = `rooms/${room}/${what}`
  return { topics: [topic], topic, payload: JSON.stringify(payload), except: null, kind: null }
}
