import { RookeryError } from '../../core/protocol/errors.ts'
import type { User } from '../../core/protocol/protocol.ts'
import type { Action } from '../../core/sessions/authorization.ts'
import { segmentText } from '../../core/topics/segment.ts'
import { assertPattern, isReserved } from '../../core/topics/topic.ts'
import { isPromiseLike } from '../../core/util/promises.ts'
import { covers, type ParsedPattern, parsePattern } from './parsed-pattern.ts'
import type { Rule, RuleContext, Rules } from './rules.ts'

interface CompiledRule {
  readonly pattern: ParsedPattern
  /** Names of the parameters, with the index of their segment. */
  readonly parameters: readonly (readonly [index: number, name: string])[]
  readonly allow: Rule
}

const ACTIONS: readonly Action[] = ['subscribe', 'send', 'join']

const fail = (message: string): never => {
  throw new RookeryError('invalid_option', `auth(): ${message}`)
}

const compile = (action: string, topic: string, allow: unknown): CompiledRule => {
  const rule = `rule '${topic}' of rules.${action}`
  if (allow !== true && typeof allow !== 'function') fail(`${rule} must be true or a function`)
  const segments = topic.split('/')
  const parameters = segments.flatMap((segment, index) =>
    segment.startsWith(':') ? [[index, segment.slice(1)] as const] : [],
  )
  for (const [, name] of parameters) {
    if (!/^[A-Za-z_]\w*$/.test(name)) fail(`${rule}: ':${name}' is not a valid parameter`)
  }
  if (new Set(parameters.map(([, name]) => name)).size < parameters.length)
    fail(`${rule} has two parameters of the same name`)
  const withoutParameters = segments.map((segment) => (segment.startsWith(':') ? 'x' : segment)).join('/')
  try {
    assertPattern(withoutParameters)
  } catch (error) {
    fail(`${rule}: ${(error as Error).message}`)
  }
  if (isReserved(withoutParameters)) fail(`${rule}: topics with a segment that begins with $ are reserved`)
  const { segments: fixed, openEnded } = parsePattern(withoutParameters)
  const indexes = new Set(parameters.map(([index]) => index))
  const pattern = {
    openEnded,
    segments: fixed.map((segment, index) => (indexes.has(index) ? '*' : segment)),
  }
  return { pattern, parameters, allow: allow as Rule }
}

/** The validated rules of an application. */
export class RuleSet {
  readonly #rules = new Map<Action, readonly CompiledRule[]>()

  /** @throws `invalid_option` */
  constructor(rules: Rules) {
    for (const [action, byTopic] of Object.entries(rules)) {
      if (!ACTIONS.includes(action as Action)) {
        fail(`rules has no action '${action}'; the actions are ${ACTIONS.join(', ')}`)
      }
      if (byTopic === undefined) continue
      if (typeof byTopic !== 'object' || byTopic === null || Array.isArray(byTopic)) {
        fail(`rules.${action} must be an object of topics and rules`)
      }
      const compiled = Object.entries(byTopic).map(([topic, allow]) => compile(action, topic, allow))
      this.#rules.set(action as Action, compiled)
    }
  }

  /** Number of actions that have rules. */
  get size(): number {
    return this.#rules.size
  }

  /**
   * Whether one rule allows an action on all topics that a pattern matches.
   *
   * @throws `invalid_option` if a rule returns a promise
   */
  allows(
    action: Action,
    requested: ParsedPattern,
    ctx: Omit<RuleContext, 'params' | 'user'> & { readonly user: User | null },
  ) {
    const rules = this.#rules.get(action)
    if (!rules) return true
    return rules.some(({ pattern, parameters, allow }) => {
      if (!covers(pattern, requested)) return false
      if (allow === true) return true
      const { user } = ctx
      if (user === null) return false
      const values = parameters.map(([index]) => requested.segments[index] as string)
      // A wildcard stands for any value, and the rule decides about one value.
      if (values.includes('*')) return false
      const params = parameters.map(([, name], index) => [name, segmentText(values[index] as string)])
      const allowed: unknown = allow({
        user,
        params: Object.fromEntries(params),
        // The context notes what a rule reads.
        get session() {
          return ctx.session
        },
        get claims() {
          return ctx.claims
        },
      })
      if (isPromiseLike(allowed)) {
        Promise.resolve(allowed).catch(() => {})
        fail("a rule must return true or false, not a promise; use 'authorize' for asynchronous decisions")
      }
      return allowed === true
    })
  }
}
