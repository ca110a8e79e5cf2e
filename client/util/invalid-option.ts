import { RookeryError } from '../../core/protocol/errors.ts'

const show = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value)
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** An `invalid_option` error that names the option, what it must be, and what it was. */
export const invalidOption = (name: string, expected: string, value: unknown): RookeryError =>
  new RookeryError('invalid_option', `Option '${name}' must be ${expected}, not ${show(value)}`)

/** What servers take as a path, too: a path that clients and proxies write in one way only. */
const PATH = /^(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()+,;=:@-]+)+\/?)$/

/** A path, without a slash at the end. @throws `invalid_option` */
export const readPath = (path: unknown): string => {
  if (typeof path === 'string' && PATH.test(path)) return path === '/' ? path : path.replace(/\/$/, '')
  throw invalidOption('path', `a path that begins with / and has no query, such as '/api/v1/ws'`, path)
}
