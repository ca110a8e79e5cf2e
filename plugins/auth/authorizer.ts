import type { User } from '../../core/protocol/protocol.ts'
import type { Action, Authorizer } from '../../core/sessions/authorization.ts'
import type { Session } from '../../core/sessions/session.ts'
import { type Shape, shapeOf } from './patterns.ts'
import { permits } from './permissions.ts'
import type { RuleBook } from './rules.ts'
import type { Claims } from './tokens.ts'
import type { Login } from './verifier.ts'

/** The handler by which a client revokes its own token: nobody may be kept from it. */
export const LOGOUT = 'auth/logout'

/** Who wants something. */
export interface AuthorizeContext {
  readonly session: Session
  readonly user: User | null
  /** What the token says; undefined without one. */
  readonly claims: Claims | undefined
}

/** Only `true` allows. What it throws refuses. */
export type Authorize = (ctx: AuthorizeContext, action: Action, topic: string) => boolean | Promise<boolean>

/** Asks the claim of the token, the rules and the app's own function; all that there are must allow. */
export class TokenAuthorizer implements Authorizer {
  readonly #loginOf: (session: Session) => Login | undefined
  readonly #rules: RuleBook
  readonly #own: Authorize | undefined

  constructor(loginOf: (session: Session) => Login | undefined, rules: RuleBook, own: Authorize | undefined) {
    this.#loginOf = loginOf
    this.#rules = rules
    this.#own = own
  }

  authorize(session: Session, action: Action, topic: string): boolean | Promise<boolean> {
    if (action === 'send' && topic === LOGOUT) return true
    if (!this.#allows(session, action, shapeOf(topic))) return false
    if (!this.#own) return true
    const claims = this.#loginOf(session)?.claims
    return this.#own({ session, user: session.user, claims }, action, topic)
  }

  authorizePattern(session: Session, pattern: string): boolean | 'each' {
    if (!this.#allows(session, 'subscribe', shapeOf(pattern))) return false
    return this.#own ? 'each' : true
  }

  #allows(session: Session, action: Action, asked: Shape): boolean {
    const login = this.#loginOf(session)
    if (login?.permissions && !permits(login.permissions, action, asked)) return false
    return this.#rules.allows(action, asked, { session, user: session.user, claims: login?.claims })
  }
}
