import type { Action } from '../../core/sessions/authorization.ts'
import { assertPattern } from '../../core/topics/topic.ts'
import { covers, type ParsedPattern, parsePattern } from './parsed-pattern.ts'

/** The patterns that a token allows, by action. */
export type Permissions = Readonly<Record<Action, readonly ParsedPattern[]>>

/**
 * Reads the claim that lists patterns by action. An action that the claim does not name is not allowed. Returns
 * undefined if the claim is not valid.
 */
export const readPermissions = (claim: unknown): Permissions | undefined => {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) return undefined
  const byAction = claim as Record<string, unknown>
  try {
    const read = (action: Action) => {
      const patterns = byAction[action] ?? []
      if (!Array.isArray(patterns)) throw new TypeError('not a list')
      return patterns.map((pattern: unknown) => {
        assertPattern(pattern)
        return parsePattern(pattern)
      })
    }
    return { subscribe: read('subscribe'), send: read('send'), join: read('join') }
  } catch {
    return undefined
  }
}

/** Whether one of the allowed patterns covers the requested one. */
export const permits = (permissions: Permissions, action: Action, requested: ParsedPattern): boolean =>
  permissions[action].some((allowed) => covers(allowed, requested))
