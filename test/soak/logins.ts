import { createHmac, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'

export const SECRET = 's'.repeat(32)

/** Lifetime of a client's token, in seconds: clients renew their tokens several times a minute. */
const LIFETIME_S = 8
/** Lifetime of a stolen token, in seconds: it would still be good at the end of the soak. */
const STOLEN_LIFETIME_S = 24 * 3600 - 60

export interface Token {
  readonly user: string
  readonly jti: string
  /** Seconds since 1970. */
  readonly iat: number
  readonly text: string
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const mint = (user: string, lifetime: number): Token => {
  const iat = Math.floor(Date.now() / 1000)
  const jti = randomUUID()
  const claims = { sub: user, jti, iat, exp: iat + lifetime }
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
  return { user, jti, iat, text: `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}` }
}

/** A token that an attacker keeps. */
export const stolenToken = (user: string): Token => mint(user, STOLEN_LIFETIME_S)

/** The login of one client: gets a new token each time, until the client's tokens are revoked. */
export class Login {
  readonly user: string
  readonly #lifetime: number
  /** Whether a token of this login may have been revoked. The login then keeps the last token. */
  revoked = false
  #latest: Token | undefined
  /** The second up to which the tokens of the user are revoked. */
  #revokedUntil = 0

  /** @param lifetime of its tokens, in seconds */
  constructor(user: string, lifetime = LIFETIME_S) {
    this.user = user
    this.#lifetime = lifetime
  }

  get latest(): Token | undefined {
    return this.#latest
  }

  /** Returns a token for the client. */
  async token(): Promise<string> {
    if (this.revoked && this.#latest) return this.#latest.text
    // A revocation covers the tokens of its second.
    while (Date.now() / 1000 < this.#revokedUntil + 1) await delay(20)
    this.#latest = mint(this.user, this.#lifetime)
    return this.#latest.text
  }

  /** A token of this login may be revoked from now on. */
  revoke(): void {
    this.revoked = true
    this.#revokedUntil = Math.floor(Date.now() / 1000)
  }

  /** The user logs in again. */
  renew(): void {
    if (this.revoked) this.#revokedUntil = Math.max(this.#revokedUntil, Math.floor(Date.now() / 1000))
    this.revoked = false
  }
}
