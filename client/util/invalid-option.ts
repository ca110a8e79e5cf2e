import { RookeryError } from '../../core/protocol/errors.ts'

/** Shows a value in a message: short, and without the source text of functions and classes. */
const show = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60))
  const type = typeof value
  return type === 'function' || (type === 'object' && value !== null) ? type : String(value)
}

/** Creates an `invalid_option` error. The message names the option, the expected value and the given value. */
export const invalidOption = (name: string, expected: string, value: unknown): RookeryError =>
  new RookeryError('invalid_option', `Option '${name}' must be ${expected}, not ${show(value)}`)

/**
 * A path with a single spelling: no percent-encoding, no empty, `.` or `..` segments. Clients and proxies do not
 * rewrite such a path. The server accepts the same paths.
 */
const PATH_PATTERN = /^(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()+,;=:@-]+)+\/?)$/

/**
 * Checks a path and removes a slash at its end.
 *
 * @throws `invalid_option`
 */
export const readPath = (path: unknown): string => {
  if (typeof path === 'string' && PATH_PATTERN.test(path))
    return path === '/' ? path : path.replace(/\/$/, '')
  throw invalidOption('path', `a path that begins with / and has no query, such as '/api/v1/ws'`, path)
}
