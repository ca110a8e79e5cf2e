import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Account } from './accounts.ts'

/** Somebody who has logged in on a device, until they log out. */
export interface Login {
  readonly id: string
  readonly user: Pick<Account, 'id' | 'name'>
  /** Such as `Firefox on Linux`. */
  readonly device: string
  /** Milliseconds since 1970, as all times here. */
  readonly since: number
  /** Ids of the access tokens that are still good, with when they expire: to revoke them. */
  readonly tokens: Map<string, number>
  /** Hashes of the refresh tokens, with when they were used: a leaked list opens no door. */
  readonly refreshTokens: Map<string, number | undefined>
}

/** How long a login lasts; then it takes a password again. */
export const LOGIN_LIFE = 12 * 3_600_000
/** How long a refresh token may be used again: two tabs ask at once, or the answer was lost on the way. */
const LEEWAY = 10_000

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

/** Who is logged in, and where. In memory here: several nodes want a database. */
export class Logins {
  readonly #logins = new Map<string, Login>()

  begin({ id, name }: Account, device: string): Login {
    for (const login of this.#logins.values()) if (isOver(login)) this.end(login)
    const login: Login = {
      id: randomUUID(),
      user: { id, name },
      device,
      since: Date.now(),
      tokens: new Map(),
      refreshTokens: new Map(),
    }
    this.#logins.set(login.id, login)
    return login
  }

  end({ id }: Login): void {
    this.#logins.delete(id)
  }

  ofUser(id: string): Login[] {
    return [...this.#logins.values()].filter(({ user }) => user.id === id)
  }

  /** Makes a refresh token: the id of the login, and a secret. */
  issue({ id, refreshTokens }: Login): string {
    const secret = randomBytes(32).toString('base64url')
    refreshTokens.set(hashOf(secret), undefined)
    return `${id}.${secret}`
  }

  /**
   * Uses a refresh token up. `stolen`: it has been used before, so that two have it, and nobody can tell which of them
   * is the thief.
   */
  redeem(token: string): { readonly login: Login; readonly stolen: boolean } | undefined {
    const [id = '', secret = ''] = token.split('.')
    const login = this.#logins.get(id)
    if (!login || isOver(login)) return undefined
    const now = Date.now()
    const hash = hashOf(secret)
    const known = login.refreshTokens.has(hash)
    const usedAt = login.refreshTokens.get(hash) ?? now
    if (known) login.refreshTokens.set(hash, usedAt)
    for (const [old, used = now] of login.refreshTokens) {
      if (now - used > LEEWAY) login.refreshTokens.delete(old)
    }
    return { login, stolen: !known || now - usedAt > LEEWAY }
  }
}

const isOver = ({ since }: Login): boolean => Date.now() - since > LOGIN_LIFE
