import { RookeryError } from '../../core/protocol/errors.ts'
import type { User } from '../../core/protocol/protocol.ts'
import type { Action } from '../../core/sessions/authorization.ts'
import type { Session } from '../../core/sessions/session.ts'
import { assertPattern, isReserved } from '../../core/topics/topic.ts'
import { isPromiseLike } from '../../core/util/promises.ts'
import { type Shape, shapeCovers, shapeOf } from './patterns.ts'
import type { Claims } from './tokens.ts'

type Name<Segment extends string> = Segment extends `:${infer N}` ? N : never
type Names<Topic extends string> = Topic extends `${infer Segment}/${infer Rest}`
  ? Name<Segment> | Names<Rest>
  : Name<Topic>

/** Parameters of a rule's topic: `users/:id/*` has `id`. */
export type Params<Topic extends string> = {
  readonly [N in string extends Topic ? string : Names<Topic>]: string
}

/**
 * What a rule knows. Not the topic: a wildcard subscription is decided once for all that it covers, which differs in no
 * parameter.
 */
export interface RuleContext<Topic extends string = string> {
  readonly user: User
  readonly params: Params<Topic>
  readonly session: Session
  /** What the token says; undefined without one. */
  readonly claims: Claims | undefined
}

/** `true` allows it to everybody; a function to those for whom it returns `true`, and never to a session without a user. */
export type Rule<Topic extends string = string> = true | ((ctx: RuleContext<Topic>) => boolean)

/** Rules of one action by topic: a pattern in which `:name` stands for one segment and makes it a parameter. */
export type ActionRules<Topics extends string = string> = { readonly [T in Topics]: Rule<T> }

/** Rules by action. An action without rules is allowed; one with rules is allowed where one of them allows it. */
export interface Rules<S extends string = string, W extends string = string, J extends string = string> {
  readonly subscribe?: ActionRules<S> | undefined
  readonly send?: ActionRules<W> | undefined
  /** Here the topic is the name of a room. */
  readonly join?: ActionRules<J> | undefined
}

interface Compiled {
  readonly shape: Shape
  /** Names of the parameters, by the index of their segments. */
  readonly names: readonly (readonly [index: number, name: string])[]
  readonly allow: Rule
}

const ACTIONS: readonly Action[] = ['subscribe', 'send', 'join']

const fail = (message: string): never => {
  throw new RookeryError('invalid_option', `auth(): ${message}`)
}

const compile = (action: string, topic: string, allow: unknown): Compiled => {
  const where = `rule '${topic}' of rules.${action}`
  if (allow !== true && typeof allow !== 'function') fail(`${where} must be true or a function`)
  const segments = topic.split('/')
  const names = segments.flatMap((segment, index) =>
    segment.startsWith(':') ? [[index, segment.slice(1)] as const] : [],
  )
  for (const [, name] of names) {
    if (!/^[A-Za-z_]\w*$/.test(name)) fail(`${where}: ':${name}' is no name for a parameter`)
  }
  if (new Set(names.map(([, name]) => name)).size < names.length)
    fail(`${where} has two parameters of one name`)
  const plain = segments.map((segment) => (segment.startsWith(':') ? 'x' : segment)).join('/')
  try {
    assertPattern(plain)
  } catch (error) {
    fail(`${where}: ${(error as Error).message}`)
  }
  if (isReserved(plain)) fail(`${where}: topics with a segment that begins with $ are reserved`)
  const { segments: fixed, open } = shapeOf(plain)
  const parameters = new Set(names.map(([index]) => index))
  const shape = { open, segments: fixed.map((segment, index) => (parameters.has(index) ? '*' : segment)) }
  return { shape, names, allow: allow as Rule }
}

/** The rules of an app, ready to be asked. */
export class RuleBook {
  readonly #rules = new Map<Action, readonly Compiled[]>()

  /** @throws `invalid_option` */
  constructor(rules: Rules) {
    for (const [action, byTopic] of Object.entries(rules)) {
      if (!ACTIONS.includes(action as Action)) {
        fail(`there are no rules for '${action}'; there are for ${ACTIONS.join(', ')}`)
      }
      if (byTopic === undefined) continue
      if (typeof byTopic !== 'object' || byTopic === null || Array.isArray(byTopic)) {
        fail(`rules.${action} must be an object of topics and rules`)
      }
      const compiled = Object.entries(byTopic).map(([topic, allow]) => compile(action, topic, allow))
      this.#rules.set(action as Action, compiled)
    }
  }

  get size(): number {
    return this.#rules.size
  }

  /** Whether one rule allows an action on all topics of a shape. @throws `invalid_option` for a rule that promises */
  allows(
    action: Action,
    asked: Shape,
    ctx: Omit<RuleContext, 'params' | 'user'> & { readonly user: User | null },
  ) {
    const rules = this.#rules.get(action)
    if (!rules) return true
    return rules.some(({ shape, names, allow }) => {
      if (!shapeCovers(shape, asked)) return false
      if (allow === true) return true
      const { user } = ctx
      if (user === null) return false
      const params = names.map(([index, name]) => [name, asked.segments[index] as string] as const)
      // Nobody can tell for which values a wildcard stands.
      if (params.some(([, value]) => value === '*')) return false
      const allowed: unknown = allow({ ...ctx, user, params: Object.fromEntries(params) })
      if (isPromiseLike(allowed)) {
        Promise.resolve(allowed).catch(() => {})
        fail("a rule must answer at once; use 'authorize' for what has to be looked up")
      }
      return allowed === true
    })
  }
}
