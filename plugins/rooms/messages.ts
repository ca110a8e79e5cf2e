import type { Change, Stay } from './room-replica.ts'

/** Kind of the messages by which nodes tell each other who comes and goes. */
export const KIND = 'rooms'

/** What such a message says beside what clients may see of it. */
export interface Note extends Change {
  /** Whether its sender knew of no other device of the member, so that this is news to everybody. */
  readonly fresh: boolean
}

/** Who is in a room: `{ room }` is answered with a `Snapshot`. */
export const SNAPSHOT = 'rooms.snapshot'
export interface Snapshot {
  readonly version: number
  readonly members: readonly Stay[]
}

/** Who is in many rooms: `{ rooms }` is answered with a `Sync`, in which empty rooms are left out. */
export const SYNC = 'rooms.sync'
export interface Sync {
  readonly version: number
  readonly rooms: Readonly<Record<string, readonly Stay[]>>
}

/** Whether a name is taken: a `ClaimQuestion` is answered with true or false. */
export const CLAIM = 'rooms.claim'
export interface ClaimQuestion {
  readonly room: string
  readonly id: string
  readonly since: number
}

/** Takes everybody out: `{ room }` is answered with the ids of those who were in. */
export const CLOSE = 'rooms.close'
