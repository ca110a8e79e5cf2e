import { idComplaint } from '../cluster/target.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { User } from '../protocol/protocol.ts'

/**
 * Checks the user that a hook has returned: it comes from the application.
 *
 * @throws `invalid_option`; `forbidden` if the id is too long or not well-formed, because ids often come from outside
 */
export const assertUser = (user: User | null): User | null => {
  if (user === null) return user
  if (typeof user.id !== 'string' || user.id === '' || typeof user.name !== 'string') {
    throw new RookeryError(
      'invalid_option',
      'A user has an id and a name that are strings, and the id is not empty',
    )
  }
  const wrong = idComplaint(user.id)
  if (wrong) throw new RookeryError('forbidden', `The id of a user ${wrong}`)
  return user
}
