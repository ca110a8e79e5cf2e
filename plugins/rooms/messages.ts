import type { MemberRecord, RoomChange } from './room-replica.ts'
import type { Member } from './tokens.ts'

/** Kind of the messages by which nodes announce joins and leaves. */
export const ROOM_CHANGE_KIND = 'rooms'

/** The topics on which the plugin tells clients about rooms. */
export const ROOM_TOPICS = ['rooms/:room/joined', 'rooms/:room/left', 'rooms/:room/closed']

/** The note of such a message: the fields that clients do not get. */
export interface RoomChangeNote extends RoomChange {
  /** Whether the sender knows of no other device of the member, so that the change is news for all nodes. */
  readonly fresh: boolean
}

/** Asks for the members of rooms: a `MembersRequest` is answered with a `MembersPage`. */
export const MEMBERS_METHOD = 'rooms.members'
export interface MembersRequest {
  /** At most 500. `after` is the place of the last member that the asking node has; 0 for the first page. */
  readonly rooms: readonly (readonly [room: string, after: number])[]
}
/** As many members as fit into one message. The rest comes with further requests. */
export interface MembersPage {
  /** Of the last change that the page includes. */
  readonly version: number
  /** Members by the index of their room in the request. Rooms without members are left out. */
  readonly rooms: readonly (readonly [index: number, members: readonly MemberRecord[]])[]
  /** Number of rooms of the request that are complete with this page, from the first one. */
  readonly complete: number
  /** Place of the last member in the page: `after` of the next request for the room that is not complete. */
  readonly after: number
}

/** Asks whether a member is in the room already: a `ClaimRequest` is answered with true or false. */
export const CLAIM_METHOD = 'rooms.claim'
export interface ClaimRequest {
  readonly room: string
  readonly id: string
  readonly since: number
  readonly client: string
}

/** Removes all members of a room: `{ room }`. The answer is empty. */
export const CLOSE_METHOD = 'rooms.close'

export const toMember = ({ id, name }: MemberRecord): Member => ({ id, name })

/** Returns the message that clients get on `rooms/<room>/joined` or `rooms/<room>/left`. */
export const changeMessage = (room: string, what: 'joined' | 'left', payload: object | undefined) => {
  const topic = `rooms/${room}/${what}`
  return { topics: [topic], topic, payload: JSON.stringify(payload), except: null, kind: null }
}
