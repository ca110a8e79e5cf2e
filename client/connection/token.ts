import { invalidOption } from '../util/invalid-option.ts'

/** A token. null, undefined and '' mean that there is no token now. */
export type Token = string | null | undefined

/** Asks the application for its token. */
export interface TokenSource {
  (): Promise<string | undefined>
  /** The next call asks anew, even while an earlier call is pending: that one may be for another user. */
  forget(): void
}

/** @throws `invalid_option` */
const check = (token: unknown): string | undefined => {
  if (typeof (token ?? '') !== 'string') {
    throw invalidOption('token', 'a string or null, or a function that returns one', token)
  }
  return (token as string) || undefined
}

/**
 * Returns a function that asks the application for its token.
 *
 * An application's function is called anew each time, but not while an earlier call is pending: both callers then get
 * the same answer. A call that is pending for longer than the limit no longer counts.
 *
 * @param limit in milliseconds
 * @throws `invalid_option` when the token is neither a string nor a function; the returned function rejects with it
 */
export const readToken = (token: Token | (() => Token | Promise<Token>), limit: number): TokenSource => {
  if (typeof token !== 'function') {
    const fixed = check(token)
    return Object.assign(async () => fixed, { forget: () => {} })
  }
  let pending: Promise<string | undefined> | undefined
  let since = 0
  const forget = () => {
    pending = undefined
  }
  const ask = () => {
    if (pending && Date.now() - since < limit) return pending
    since = Date.now()
    const asked = (async () => check(await token()))().finally(() => {
      if (pending === asked) pending = undefined
    })
    pending = asked
    return asked
  }
  return Object.assign(ask, { forget })
}
