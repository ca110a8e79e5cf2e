import { createToken } from './token.ts'

/** A line is a message, or fields and a message. */
interface LogMethod {
  (message: string): void
  (fields: object, message?: string): void
}

/** What Rookery logs to: pino's signature, so that a pino instance fits as it is. */
export interface Logger {
  debug: LogMethod
  info: LogMethod
  warn: LogMethod
  error: LogMethod
}

export const Logger = createToken<Logger>('Logger')

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** Least severe level that is written; `silent` writes nothing. */
export type LogLevel = (typeof LEVELS)[number]

export const isLogLevel = (value: unknown): value is LogLevel => LEVELS.includes(value as LogLevel)

export const isLogger = (value: unknown): value is Logger =>
  typeof value === 'object' &&
  value !== null &&
  ['debug', 'info', 'warn', 'error'].every(
    (method) => typeof (value as Record<string, unknown>)[method] === 'function',
  )

/** What to write of an error: JSON alone would write `{}`, or only what its `toJSON` has for clients. */
const plainError = (error: Error): object => {
  const { name, message, stack, cause } = error
  return {
    name,
    message,
    ...('code' in error && { code: error.code }),
    stack,
    ...(cause !== undefined && { cause }),
    ...(error instanceof AggregateError && { errors: error.errors }),
  }
}

/** Makes a replacer for one `JSON.stringify`: it writes errors and bigints, and cuts circles. */
const createReplacer = () => {
  // The objects around the value at hand: what they are, and what is written of them.
  const around: { readonly raw: unknown; readonly written: unknown }[] = []
  return function (this: Record<string, unknown>, key: string, value: unknown): unknown {
    const raw = this[key]
    if (typeof raw === 'bigint') return String(raw)
    const written = raw instanceof Error ? plainError(raw) : value
    if (typeof written !== 'object' || written === null) return written
    while (around.length > 0 && around.at(-1)?.written !== this) around.pop()
    if (around.some((one) => one.raw === raw)) return '[circular]'
    around.push({ raw, written })
    return written
  }
}

/** One line, whatever its fields hold: a log call never throws. */
const toLine = (level: string, fields: readonly object[], message: string | undefined): string => {
  const start = { level, time: new Date().toISOString() }
  const end = message === undefined ? {} : { msg: String(message) }
  try {
    return JSON.stringify(Object.assign({}, start, ...fields, end), createReplacer())
  } catch {
    return JSON.stringify({ ...start, fields: 'not serializable', ...end })
  }
}

/**
 * The default logger: one JSON object a line, on the console.
 *
 * @param level least severe level written; `'info'` by default
 */
export const createLogger = (level: LogLevel = 'info', bindings: object = {}): Logger => {
  const method = (name: Exclude<LogLevel, 'silent'>): LogMethod => {
    if (LEVELS.indexOf(name) < LEVELS.indexOf(level)) return () => {}
    return (first: string | object, message?: string) => {
      const fields = typeof first === 'string' ? {} : first
      const text = typeof first === 'string' ? first : message
      console[name](toLine(name, [bindings, fields], text))
    }
  }
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
  }
}
