import { RookeryError } from '../../core/protocol/errors.ts'
import type { User } from '../../core/protocol/protocol.ts'

/** Most characters in the name of a room or a user, in UTF-16 units. */
const MAX_NAME_LENGTH = 64

/**
 * Checks that a value is a room name: one topic segment that does not begin with `$`.
 *
 * @throws `invalid_room`
 */
export function assertRoom(room: unknown): asserts room is string {
  const ok = typeof room === 'string' && room !== '' && room.length <= MAX_NAME_LENGTH
  if (ok && !/^\$|[\s/*\p{Cc}\p{Cs}]/u.test(room)) return
  throw new RookeryError(
    'invalid_room',
    `A room name has 1 to ${MAX_NAME_LENGTH} characters, none of them whitespace, / or *, and does not begin with $`,
  )
}

/**
 * Returns the user for the `username` of a query; undefined if it is absent or blank.
 *
 * @throws `invalid_handshake`
 */
export const userFromName = (given: string | null): User | undefined => {
  const name = given?.trim()
  if (!name) return undefined
  // Ids that begin with $ are those of guests.
  if (name.length > MAX_NAME_LENGTH || /^\$|[\p{Cc}\p{Cs}]/u.test(name)) {
    throw new RookeryError(
      'invalid_handshake',
      `A username has 1 to ${MAX_NAME_LENGTH} characters, no control characters, and does not begin with $`,
    )
  }
  return { id: name, name }
}

export const nameTaken = (room: string, name: string): RookeryError =>
  new RookeryError('name_taken', `'${name}' is already in room '${room}'`)
