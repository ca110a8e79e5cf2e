import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Account } from './accounts.ts'

/** A user's login on one device. It lasts until the user logs out, or for `LOGIN_LIFETIME_MS`. */
export interface Login {
  readonly id: string
  readonly user: Pick<Account, 'id' | 'name'>
  /** Such as `Firefox on Linux`. */
  readonly device: string
  /** Milliseconds since 1970, as are all times in this file. */
  readonly since: number
  /** Expiry times of the valid access tokens, by token id. A logout revokes these tokens. */
  readonly tokens: Map<string, number>
  /** Times at which the refresh tokens were used, by hash. With a leaked list of hashes, an attacker cannot log in. */
  readonly refreshTokens: Map<string, number | undefined>
}

/** How long a login lasts. After that, the user must enter the password again. */
export const LOGIN_LIFETIME_MS = 12 * 3_600_000
/**
 * How long a refresh token may be used again. Two tabs may use it at the same time, or the answer to its first use
 * may be lost.
 */
const REFRESH_REUSE_MS = 10_000

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

/** All logins, in memory. An application with several nodes keeps them in a database. */
export class Logins {
  readonly #logins = new Map<string, Login>()

  begin({ id, name }: Account, device: string): Login {
    for (const login of this.#logins.values()) if (isExpired(login)) this.end(login)
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

  /** Creates a refresh token: the id of the login and a secret. */
  issue({ id, refreshTokens }: Login): string {
    const secret = randomBytes(32).toString('base64url')
    refreshTokens.set(hashOf(secret), undefined)
    return `${id}.${secret}`
  }

  /**
   * Uses a refresh token. Returns undefined if its login does not exist. `stolen` is true if the token was used
   * before: two clients have it then, and the server cannot tell which of them is the user.
   */
  redeem(token: string): { readonly login: Login; readonly stolen: boolean } | undefined {
    const [id = '', secret = ''] = token.split('.')
    const login = this.#logins.get(id)
    if (!login || isExpired(login)) return undefined
    const now = Date.now()
    const hash = hashOf(secret)
    const known = login.refreshTokens.has(hash)
    const usedAt = login.refreshTokens.get(hash) ?? now
    if (known) login.refreshTokens.set(hash, usedAt)
    for (const [old, used = now] of login.refreshTokens) {
      if (now - used > REFRESH_REUSE_MS) login.refreshTokens.delete(old)
    }
    return { login, stolen: !known || now - usedAt > REFRESH_REUSE_MS }
  }
}

const isExpired = ({ since }: Login): boolean => Date.now() - since > LOGIN_LIFETIME_MS
