import { RookeryError } from '../protocol/errors.ts'
import type { User } from '../protocol/protocol.ts'
import { stringify } from '../protocol/stringify.ts'
import type { Logger } from '../util/logger.ts'

/**
 * Creates a function that returns the part of a user which clients may see: `id`, `name` and the declared fields. It leaves
 * out a field that cannot be read or written as JSON, and logs the first failure of each field.
 */
export const createPublicUser = (fields: readonly string[], log: Logger): ((user: User) => User) => {
  const failed = new Set<string>()
  return (user) => {
    const entries = fields.flatMap((field): [string, unknown][] => {
      try {
        const text = stringify(user[field])
        return text === undefined ? [] : [[field, JSON.parse(text)]]
      } catch (cause) {
        if (!failed.has(field)) {
          const message = `The field '${field}' of a user cannot be sent to clients`
          const err = new RookeryError('unserializable', message, { cause })
          log.error({ err, field, stage: 'welcome' }, 'a public field of a user was left out')
        }
        failed.add(field)
        return []
      }
    })
    return { ...Object.fromEntries(entries), id: user.id, name: user.name }
  }
}
