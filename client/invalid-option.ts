import { RookeryError } from '../core/errors.ts'

const show = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value)
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** An `invalid_option` error that names the option, what it must be, and what it was. */
export const invalidOption = (name: string, expected: string, value: unknown): RookeryError =>
  new RookeryError('invalid_option', `Option '${name}' must be ${expected}, not ${show(value)}`)

/** @throws `invalid_option` */
export const assertPath = (path: unknown): void => {
  if (typeof path === 'string' && /^\/(?!\/)[^?#]*$/.test(path)) return
  throw invalidOption('path', `a path that begins with / and has no query, such as '/api/v1/ws'`, path)
}
