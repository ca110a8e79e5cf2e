import { RookeryError } from '../protocol/errors.ts'

/** A duration: a number of milliseconds, or a number with a unit such as `'250ms'`, `'10s'`, `'5m'`, `'2h'`, `'1d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** Returns what an option must be if the value is invalid, or undefined if it is valid. */
export type OptionCheck = (value: unknown) => string | undefined

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The longest delay of a timer: 2^31 - 1 ms, about 24.8 days. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** Returns the milliseconds of a valid duration. */
export const milliseconds = (duration: Duration): number => {
  if (typeof duration === 'number') return duration
  const unit = duration.endsWith('ms') ? 'ms' : (duration.at(-1) as keyof typeof UNITS)
  return Number(duration.slice(0, -unit.length)) * UNITS[unit]
}

const isDuration = (value: unknown): value is Duration =>
  typeof value === 'number' || (typeof value === 'string' && /^\d+(\.\d+)?(ms|s|m|h|d)$/.test(value))

/** A path with only one spelling: no percent-encoding, no empty segment, no `.` and no `..`. */
const PATH = /^(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()+,;=:@-]+)+\/?)$/

/** Removes the slash at the end of a path that `option.path` has checked. */
export const withoutEndSlash = (path: string): string => (path === '/' ? path : path.replace(/\/$/, ''))

/** Checks for the options of a function. */
export const option = {
  integer:
    (min: number, max = Number.MAX_SAFE_INTEGER): OptionCheck =>
    (value) =>
      Number.isInteger(value) && (value as number) >= min && (value as number) <= max
        ? undefined
        : `a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`}`,
  duration:
    (min = 1, max = MAX_DELAY_MS): OptionCheck =>
    (value) =>
      isDuration(value) && milliseconds(value) >= min && milliseconds(value) <= max
        ? undefined
        : `milliseconds from ${min} to ${max}, or a string such as '10s'`,
  oneOf:
    (...choices: readonly string[]): OptionCheck =>
    (value) =>
      choices.includes(value as string)
        ? undefined
        : `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`,
  boolean: ((value) => (typeof value === 'boolean' ? undefined : 'true or false')) as OptionCheck,
  string: ((value) => (typeof value === 'string' && value ? undefined : 'a non-empty string')) as OptionCheck,
  path: ((value) =>
    typeof value === 'string' && PATH.test(value)
      ? undefined
      : "a path that begins with /, of ASCII letters, digits and -._~!$&'()+,;=:@, such as '/api/v1/ws'") as OptionCheck,
  /** A path with other paths below it. */
  basePath: ((value) => (value === '/' ? "a path other than '/'" : option.path(value))) as OptionCheck,
  function: ((value) => (typeof value === 'function' ? undefined : 'a function')) as OptionCheck,
  object: ((value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? undefined
      : 'an object') as OptionCheck,
  list:
    (each: OptionCheck): OptionCheck =>
    (value) => {
      if (!Array.isArray(value)) return 'a list'
      const wrong = value.map(each).find((complaint) => complaint !== undefined)
      return wrong && `a list in which each entry is ${wrong}`
    },
  either:
    (...checks: readonly OptionCheck[]): OptionCheck =>
    (value) => {
      const wrong = checks.map((check) => check(value))
      return wrong.includes(undefined) ? undefined : wrong.join(', or ')
    },
  any: (() => undefined) as OptionCheck,
}

const show = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60))
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null
    ? Array.isArray(value)
      ? 'a list'
      : 'an object'
    : String(value)
}

/**
 * Checks the options of a public function. Every option may be left out.
 *
 * @param owner the call as the user wrote it, such as `websocket()`
 * @throws `invalid_option`, which names the option, its value, and the valid values
 */
export const checkOptions = (
  owner: string,
  options: unknown,
  checks: Readonly<Record<string, OptionCheck>>,
): void => {
  const fail = (message: string) => {
    throw new RookeryError('invalid_option', `${owner}: ${message}`)
  }
  if (option.object(options)) fail(`the options must be an object, not ${show(options)}`)
  for (const [name, value] of Object.entries(options as object)) {
    if (!Object.hasOwn(checks, name)) {
      fail(`there is no option '${name}'; the options are ${Object.keys(checks).join(', ') || 'none'}`)
    }
    const wanted = value === undefined ? undefined : checks[name]?.(value)
    if (wanted) fail(`option '${name}' must be ${wanted}, not ${show(value)}`)
  }
}
