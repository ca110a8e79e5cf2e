import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

/** Somebody who may log in. */
export interface Account {
  readonly id: string
  readonly name: string
  /** `<salt>.<hash>`, as `hashPassword` makes it. */
  readonly password: string
}

/** The people of the demo. Yours are in a database. */
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

/** As OWASP advises: 32 MiB and about a quarter of a second for each guess. */
const COST: ScryptOptions = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 }
const HASH_BYTES = 32

const hash = (password: string, salt: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(password.normalize(), salt, HASH_BYTES, COST, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })

const hashPassword = async (password: string): Promise<string> => {
  const salt = randomBytes(16)
  return `${salt.toString('base64url')}.${(await hash(password, salt)).toString('base64url')}`
}

/** What a password is compared with that nobody has. */
const nobody = await hashPassword(randomBytes(16).toString('hex'))

/** The account of an id and a password. A wrong id takes as long as a wrong password: nobody learns which it was. */
export const findAccount = async (id: string, password: string): Promise<Account | undefined> => {
  const account = accounts.find((one) => one.id === id)
  const [salt = '', expected = ''] = (account?.password ?? nobody).split('.')
  const given = await hash(password, Buffer.from(salt, 'base64url'))
  return timingSafeEqual(given, Buffer.from(expected, 'base64url')) ? account : undefined
}
