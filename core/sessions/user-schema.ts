import type { StandardSchemaV1 } from '@standard-schema/spec'
import { validate } from '../contract/schema.ts'
import type { User } from '../protocol/protocol.ts'
import { stringify } from '../protocol/stringify.ts'
import type { Logger } from '../util/logger.ts'
import { createPublicUser } from './public-user.ts'

/** What a session needs to know of users. */
export interface UserChecks {
  /**
   * Returns the user as the contract describes it. Undefined if the contract does not describe users.
   *
   * @throws an error that clients do not see
   */
  readonly checkUser: ((user: User) => Promise<User>) | undefined
  /** Returns the part of a user that clients may see. */
  publicUser(user: User): User
}

/**
 * Creates what a session needs to know of users: the check by the contract's schema, and the part that clients may see.
 *
 * @param schema of the contract
 * @param fields that clients may see, if there is no schema
 */
export const createUserChecks = (
  schema: StandardSchemaV1 | undefined,
  fields: readonly string[],
  log: Logger,
): UserChecks => {
  if (!schema) return { checkUser: undefined, publicUser: createPublicUser(fields, log) }
  const users = new UserSchema(schema)
  return { checkUser: (user) => users.check(user), publicUser: (user) => users.publicUser(user) }
}

/** Of the users that sessions have after the check: the users that the hooks have returned. */
const given = new WeakMap<User, User>()

/** For plugins: returns the object that an authenticate hook has returned for a session, or that `renew` was called with. */
export const givenUser = (user: User): User => given.get(user) ?? user

/** Checks users against the schema of a contract, and keeps what the schema returns: the part that clients may see. */
class UserSchema {
  readonly #schema: StandardSchemaV1
  readonly #public = new WeakMap<User, User>()

  constructor(schema: StandardSchemaV1) {
    this.#schema = schema
  }

  /**
   * Returns the user with the fields of the schema's output. The schema cannot change the id, which is the identity.
   *
   * @throws an error with the schema's complaint, which clients do not see
   */
  async check(user: User): Promise<User> {
    const { id, name } = user
    try {
      const fields = (await validate(this.#schema, user, 'The user')) as object
      const shown = { name, ...fields, id }
      // Throws now, rather than in `welcome`.
      stringify(shown)
      const checked = { ...user, ...shown }
      given.set(checked, user)
      this.#public.set(checked, shown)
      return checked
    } catch (cause) {
      const { message } = cause as Error
      throw new Error(`The user '${id}' does not fit the contract: ${message}`, { cause })
    }
  }

  /** Returns the part of a checked user that clients may see. */
  publicUser(user: User): User {
    return this.#public.get(user) ?? { id: user.id, name: user.name }
  }
}
