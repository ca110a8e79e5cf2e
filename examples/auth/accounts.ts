import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

/** A user who can log in. */
export interface Account {
  readonly id: string
  readonly name: string
  /** `<salt>.<hash>`, as `hashPassword` returns it. */
  readonly password: string
}

/** The demo's users. A real application keeps them in a database. */
export const accounts: readonly Account[] = [
  {
    id: 'ada',
    name: 'Ada Lovelace',
    password: 'IB_R80BaKY1ZH20UVbncAg.xV3-1yOZ4LwUCsXM-0ZG93zkEgc8GYMzb-07RORD2Yo', // lovelace
  },
  {
    id: 'alan',
    name: 'Alan Turing',
    password: 'beYkciBpaTP7WyJayQbNBQ.iT_ZwAAa0uiSZnQl-OG4jI1igwCQq9p83tvhVyIjTx8', // turing
  },
  {
    id: 'grace',
    name: 'Grace Hopper',
    password: 'reJM58xI6FbBapZpHgeVSQ.1wBrXU50pD8o6OUhY3R8JW-kaOyCRQPPKDkpNTpTQUs', // hopper
  },
]

/** OWASP's recommended cost: 32 MiB and about a quarter of a second for each guess. */
const SCRYPT_COST: ScryptOptions = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 }
const HASH_BYTES = 32

const hash = (password: string, salt: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(password.normalize(), salt, HASH_BYTES, SCRYPT_COST, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })

const hashPassword = async (password: string): Promise<string> => {
  const salt = randomBytes(16)
  return `${salt.toString('base64url')}.${(await hash(password, salt)).toString('base64url')}`
}

/** Hash of a random password. The password of an unknown user is compared with it. */
const unknownUserPassword = await hashPassword(randomBytes(16).toString('hex'))

/**
 * Returns the account with this id and password. An unknown id takes as long as a wrong password, so that a guesser
 * cannot tell which of the two was wrong.
 */
export const findAccount = async (id: string, password: string): Promise<Account | undefined> => {
  const account = accounts.find((candidate) => candidate.id === id)
  const [salt = '', expected = ''] = (account?.password ?? unknownUserPassword).split('.')
  const given = await hash(password, Buffer.from(salt, 'base64url'))
  return timingSafeEqual(given, Buffer.from(expected, 'base64url')) ? account : undefined
}
