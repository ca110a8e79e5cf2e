import type { Authorization } from './authorization.ts'
import type { Session } from './session.ts'

/** An allowed pattern, and whether each of its topics has to be authorized. */
export interface AllowedPattern {
  readonly pattern: string
  readonly perTopic: boolean
}

/** An allowed pattern, or a refused one with the error as it was thrown. */
export type CheckedPattern = AllowedPattern | { readonly pattern: string; readonly error: unknown }

/** Asks the authorizers about a pattern. Returns a promise only if one of them does. */
export const authorizePattern = (
  authorization: Authorization,
  session: Session,
  pattern: string,
): CheckedPattern | Promise<CheckedPattern> => {
  const refused = (error: unknown) => ({ pattern, error })
  try {
    const perTopic = authorization.checkPattern(session, pattern)
    return perTopic instanceof Promise
      ? perTopic.then((each) => ({ pattern, perTopic: each }), refused)
      : { pattern, perTopic }
  } catch (error) {
    return refused(error)
  }
}
