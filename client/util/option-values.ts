import { invalidOption } from './invalid-option.ts'

/** Longest delay of `setTimeout`, in milliseconds. A longer one fires at once. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1

/**
 * Checks an option that is a time in milliseconds.
 *
 * @throws `invalid_option`
 */
export const readMilliseconds = (name: string, value: number, least = 1): number => {
  if (typeof value === 'number' && value >= least && value <= MAX_TIMEOUT_MS) return value
  throw invalidOption(name, `a number of milliseconds from ${least} to ${MAX_TIMEOUT_MS}`, value)
}

/**
 * Checks an option that is true or false.
 *
 * @throws `invalid_option`
 */
export const readBoolean = (name: string, value: boolean): boolean => {
  if (typeof value === 'boolean') return value
  throw invalidOption(name, 'true or false', value)
}
