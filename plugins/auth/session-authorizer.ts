import type { Action, Authorizer } from '../../core/sessions/authorization.ts'
import type { Session } from '../../core/sessions/session.ts'
import type { Authorize, AuthorizeContext } from './authorize.ts'
import type { Identity } from './identity.ts'
import { type ParsedPattern, parsePattern } from './parsed-pattern.ts'
import { permits } from './permissions.ts'
import { hashOf } from './revocation-keys.ts'
import type { RuleSet } from './rule-set.ts'

/** A replacer for `JSON.stringify`. @throws for a value that JSON does not hold as it is, such as a `Set` */
function assertPlain(this: unknown, key: string): unknown {
  const value = (this as Record<string, unknown>)[key]
  if (typeof value === 'object' && value !== null) {
    const isPlain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value))
    if (!isPlain || 'toJSON' in value) throw new TypeError('not plain')
  } else if (!['string', 'number', 'boolean', 'undefined', 'object'].includes(typeof value)) {
    throw new TypeError('not JSON')
  }
  return value
}

/** Topic of the handler with which a client revokes its own token. Every session may send to it. */
export const LOGOUT_TOPIC = 'auth/logout'

/** Allows an action if the token's permissions, the rules and the application's `authorize` function all allow it. */
export class SessionAuthorizer implements Authorizer {
  readonly #identityOf: (session: Session) => Identity | undefined
  readonly #rules: RuleSet
  readonly #authorize: Authorize | undefined
  /** What the rules and `authorize` have read so far. */
  readonly #reads = { session: false, claims: false }
  /** Of a user object, or of the sessions without a user: the string of `sharedBy`. It depends on what has been read. */
  #shared = new WeakMap<object, string | undefined>()

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
    return this.#authorize(this.#contextOf(session), action, topic)
  }

  /**
   * Sessions of equal users share decisions, unless the rules or `authorize` have read `session`; if they have read `claims`,
   * only if the claims are equal, too. The permissions of a token always count.
   */
  sharedBy(session: Session): string | undefined {
    if (this.#reads.session) return undefined
    const owner = session.user ?? this
    if (!this.#shared.has(owner)) this.#shared.set(owner, this.#describe(session))
    return this.#shared.get(owner)
  }

  #describe(session: Session): string | undefined {
    const { permissions, claims } = this.#identityOf(session) ?? {}
    try {
      const parts = [session.user, permissions, this.#reads.claims ? claims : null]
      return hashOf(JSON.stringify(parts, assertPlain))
    } catch {
      // The user has a field that JSON cannot hold, so two users with the same JSON may differ.
      return undefined
    }
  }

  /** The context of a rule or of `authorize`. Notes what they read of it. */
  #contextOf(session: Session): AuthorizeContext {
    const identity = this.#identityOf(session)
    const note = (field: 'session' | 'claims') => {
      if (this.#reads[field]) return
      this.#reads[field] = true
      this.#shared = new WeakMap()
    }
    return {
      user: session.user,
      get session() {
        note('session')
        return session
      },
      get claims() {
        note('claims')
        return identity?.claims
      },
    }
  }

  authorizePattern(session: Session, pattern: string): boolean | 'each' {
    if (!this.#allows(session, 'subscribe', parsePattern(pattern))) return false
    return this.#authorize ? 'each' : true
  }

  #allows(session: Session, action: Action, requested: ParsedPattern): boolean {
    const identity = this.#identityOf(session)
    if (identity?.permissions && !permits(identity.permissions, action, requested)) return false
    return this.#rules.allows(action, requested, this.#contextOf(session))
  }
}
