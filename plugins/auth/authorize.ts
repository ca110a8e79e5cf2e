import type { User } from '../../core/protocol/protocol.ts'
import type { Action } from '../../core/sessions/authorization.ts'
import type { Session } from '../../core/sessions/session.ts'
import type { Claims } from './tokens.ts'

/** The session that requests an action. */
export interface AuthorizeContext {
  readonly session: Session
  readonly user: User | null
  /** Claims of the session's token; undefined if the session has no token. */
  readonly claims: Claims | undefined
}

/** Decides whether a session may perform an action on a topic. Only `true` allows it. An error that it throws refuses. */
export type Authorize = (ctx: AuthorizeContext, action: Action, topic: string) => boolean | Promise<boolean>
