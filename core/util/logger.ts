import { isPromiseLike } from './promises.ts'
import { createToken } from './token.ts'

/** Logs a message, or fields and a message. */
interface LogMethod {
  (message: string): void
  (fields: object, message?: string): void
}

/** The logger of an app. A pino instance implements it. */
export interface Logger {
  debug: LogMethod
  info: LogMethod
  warn: LogMethod
  error: LogMethod
}

export const Logger = createToken<Logger>('Logger')

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** The least severe level that is written. `silent` writes nothing. */
export type LogLevel = (typeof LEVELS)[number]

export const isLogLevel = (value: unknown): value is LogLevel => LEVELS.includes(value as LogLevel)

export const isLogger = (value: unknown): value is Logger =>
  typeof value === 'object' &&
  value !== null &&
  ['debug', 'info', 'warn', 'error'].every(
    (method) => typeof (value as Record<string, unknown>)[method] === 'function',
  )

/**
 * The fields of an error to log. `JSON.stringify` alone would write `{}`, or only the fields for clients of its
 * `toJSON`.
 */
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

/** Creates a replacer for one `JSON.stringify`, which writes errors and bigints, and replaces circular references. */
const createReplacer = () => {
  // The ancestors of the current value, raw and as they are written.
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

/** Formats one line. Never throws, whatever the fields hold. */
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
 * Wraps a logger of the application, so that its faults have no effect on the app: a log call never throws and never rejects.
 * The first fault is written to the console.
 */
export const isolateLogger = (logger: Logger): Logger => {
  let told = false
  const failed = (error: unknown) => {
    if (told) return
    told = true
    console.error(
      toLine('error', [{ err: error }], 'the logger failed; further faults of it are not reported'),
    )
  }
  const method =
    (name: keyof Logger): LogMethod =>
    (...line: readonly unknown[]) => {
      try {
        const result: unknown = logger[name](...(line as [object, string?]))
        if (isPromiseLike(result)) Promise.resolve(result).catch(failed)
      } catch (error) {
        failed(error)
      }
    }
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') }
}

/**
 * Creates the default logger, which writes one JSON object per line to the console.
 *
 * @param level the least severe level that is written @default 'info'
 * @param bindings fields of every line
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
