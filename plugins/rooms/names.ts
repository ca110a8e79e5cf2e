import { RookeryError } from '../../core/protocol/errors.ts'
import type { User } from '../../core/protocol/protocol.ts'

/** Longest room or user name, in characters. */
const MAX_NAME = 64

/**
 * Checks that a value can name a room: one segment of a topic that is not the framework's own.
 *
 * @throws `invalid_room`
 */
export function assertRoom(room: unknown): asserts room is string {
  const ok = typeof room === 'string' && room !== '' && room.length <= MAX_NAME
  if (ok && !/^\$|[\s/*\p{Cc}\p{Cs}]/u.test(room)) return
  throw new RookeryError(
    'invalid_room',
    `A room name has 1 to ${MAX_NAME} characters, none of them whitespace, / or *, and does not begin with $`,
  )
}

/**
 * The user that a name in the query stands for; undefined when there is none.
 *
 * @throws `invalid_handshake`
 */
export const userFromName = (given: string | null): User | undefined => {
  const name = given?.trim()
  if (!name) return undefined
  if (name.length > MAX_NAME || /[\p{Cc}\p{Cs}]/u.test(name)) {
    throw new RookeryError(
      'invalid_handshake',
      `A username has 1 to ${MAX_NAME} characters and no control characters`,
    )
  }
  return { id: name, name }
}

export const nameTaken = (room: string, name: string): RookeryError =>
  new RookeryError('name_taken', `'${name}' is already in room '${room}'`)
