import type { Action } from '../../core/sessions/authorization.ts'
import { assertPattern } from '../../core/topics/topic.ts'
import { type Shape, shapeCovers, shapeOf } from './parsed-pattern.ts'

/** What a token allows, by action. */
export type Permissions = Readonly<Record<Action, readonly Shape[]>>

/** Reads the claim: lists of patterns by action. An action that it does not name is not allowed. Undefined: it is wrong. */
export const readPermissions = (claim: unknown): Permissions | undefined => {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) return undefined
  const given = claim as Record<string, unknown>
  try {
    const read = (action: Action) => {
      const patterns = given[action] ?? []
      if (!Array.isArray(patterns)) throw new TypeError('no list')
      return patterns.map((pattern: unknown) => {
        assertPattern(pattern)
        return shapeOf(pattern)
      })
    }
    return { subscribe: read('subscribe'), send: read('send'), join: read('join') }
  } catch {
    return undefined
  }
}

/** Whether one of the patterns of a token covers all that is asked for. */
export const permits = (permissions: Permissions, action: Action, asked: Shape): boolean =>
  permissions[action].some((allowed) => shapeCovers(allowed, asked))
