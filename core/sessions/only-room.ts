import { RookeryError } from '../protocol/errors.ts'

/** Shared by the sessions that are in no room. */
export const NO_ROOMS: ReadonlySet<string> = new Set()

/** Returns the room of a session that is in at most one. @throws `several_rooms` */
export const onlyRoom = (rooms: ReadonlySet<string>): string | undefined => {
  const [room, other] = rooms
  if (other === undefined) return room
  const fix = 'use session.rooms, or let the client name the room'
  throw new RookeryError('several_rooms', `The session is in several rooms: ${fix}`)
}
