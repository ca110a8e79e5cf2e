import type { User } from '../../core/protocol/protocol.ts'
import type { Session } from '../../core/sessions/session.ts'
import type { Claims } from './tokens.ts'

type Name<Segment extends string> = Segment extends `:${infer N}` ? N : never
type Names<Topic extends string> = Topic extends `${infer Segment}/${infer Rest}`
  ? Name<Segment> | Names<Rest>
  : Name<Topic>

/**
 * Parameters of a rule's topic: `users/:id/*` has `id`. A value is the text of its segment: for `users/google%2F1/inbox`,
 * `id` is `google/1`.
 */
export type Params<Topic extends string> = {
  readonly [N in string extends Topic ? string : Names<Topic>]: string
}

/**
 * The session that a rule decides about. A rule does not get the topic: for a subscription with a wildcard, it decides
 * once about all topics that the pattern matches. They have the same parameters.
 */
export interface RuleContext<Topic extends string = string> {
  readonly user: User
  readonly params: Params<Topic>
  readonly session: Session
  /** Claims of the session's token; undefined if the session has no token. */
  readonly claims: Claims | undefined
}

/**
 * `true` allows the topic to every session. A function allows it if it returns `true`; it is not called for a session
 * without a user, which is refused.
 */
export type Rule<Topic extends string = string> = true | ((ctx: RuleContext<Topic>) => boolean)

/** Rules of one action by topic. In a topic, `:name` stands for one segment and makes it a parameter. */
export type ActionRules<Topics extends string = string> = { readonly [T in Topics]: Rule<T> }

/**
 * Rules by action. An action without rules is always allowed. An action with rules is allowed if at least one of them
 * allows it.
 */
export interface Rules<S extends string = string, W extends string = string, J extends string = string> {
  readonly subscribe?: ActionRules<S> | undefined
  readonly send?: ActionRules<W> | undefined
  /** The topic is the name of a room. */
  readonly join?: ActionRules<J> | undefined
}
