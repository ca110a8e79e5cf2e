import { invalidOption } from '../util/invalid-option.ts'

/** null, undefined and '' mean: none now. */
export type Token = string | null | undefined

/** @throws `invalid_option` */
const check = (token: unknown): string | undefined => {
  if (typeof (token ?? '') !== 'string') {
    throw invalidOption('token', 'a string or null, or a function that returns one', token)
  }
  return (token as string) || undefined
}

/**
 * Asks the application for its token: anew each time, but never twice at once, so that whoever asks meanwhile gets the
 * same answer. A function that has not answered within a limit is not waited for any more.
 *
 * @param limit in milliseconds
 * @throws `invalid_option`
 */
export const readToken = (
  token: Token | (() => Token | Promise<Token>),
  limit: number,
): (() => Promise<string | undefined>) => {
  if (typeof token !== 'function') {
    const fixed = check(token)
    return async () => fixed
  }
  let pending: Promise<string | undefined> | undefined
  let since = 0
  return () => {
    if (pending && Date.now() - since < limit) return pending
    since = Date.now()
    const asked = (async () => check(await token()))().finally(() => {
      if (pending === asked) pending = undefined
    })
    pending = asked
    return asked
  }
}
