import type { Action, Authorizer } from '../../core/sessions/authorization.ts'
import type { Session } from '../../core/sessions/session.ts'
import type { Authorize } from './authorize.ts'
import type { Identity } from './identity.ts'
import { type ParsedPattern, parsePattern } from './parsed-pattern.ts'
import { permits } from './permissions.ts'
import type { RuleSet } from './rule-set.ts'

/** Topic of the handler with which a client revokes its own token. Every session may send to it. */
export const LOGOUT_TOPIC = 'auth/logout'

/** Allows an action if the token's permissions, the rules and the application's `authorize` function all allow it. */
export class SessionAuthorizer implements Authorizer {
  readonly #identityOf: (session: Session) => Identity | undefined
  readonly #rules: RuleSet
  readonly #authorize: Authorize | undefined

  constructor(
    identityOf: (session: Session) => Identity | undefined,
    rules: RuleSet,
    authorize: Authorize | undefined,
  ) {
    this.#identityOf = identityOf
    this.#rules = rules
    this.#authorize = authorize
  }

  authorize(session: Session, action: Action, topic: string): boolean | Promise<boolean> {
    if (action === 'send' && topic === LOGOUT_TOPIC) return true
    if (!this.#allows(session, action, parsePattern(topic))) return false
    if (!this.#authorize) return true
    const claims = this.#identityOf(session)?.claims
    return this.#authorize({ session, user: session.user, claims }, action, topic)
  }

  authorizePattern(session: Session, pattern: string): boolean | 'each' {
    if (!this.#allows(session, 'subscribe', parsePattern(pattern))) return false
    return this.#authorize ? 'each' : true
  }

  #allows(session: Session, action: Action, requested: ParsedPattern): boolean {
    const identity = this.#identityOf(session)
    if (identity?.permissions && !permits(identity.permissions, action, requested)) return false
    return this.#rules.allows(action, requested, { session, user: session.user, claims: identity?.claims })
  }
}
