import { isSchema } from '../contract/schema.ts'
import { RookeryError } from '../protocol/errors.ts'
import { checkOptions, milliseconds, type OptionCheck, option } from '../util/options.ts'
import type { GroupHandleOptions, HandleOptions, Handler } from './handle.ts'
import type { AnyMiddleware, GroupOptions } from './middleware.ts'

const invalid = (message: string): RookeryError => new RookeryError('invalid_option', message)

const rate: OptionCheck = (value) => {
  const { limit, window } = (value ?? {}) as Record<string, unknown>
  const isRate = typeof value === 'object' && !option.integer(1)(limit) && !option.duration()(window)
  return isRate ? undefined : "a limit and a window, such as { limit: 5, window: '10s' }"
}

const groupChecks = { rate, timeout: option.duration() }

/** A handler and its options, as the application wrote them. */
export interface HandleArguments {
  readonly handler: Handler
  readonly options: HandleOptions
}

/**
 * Reads the arguments of `handle` after the topic: the handler alone, or a schema or options before it.
 *
 * @throws `invalid_option`
 */
export const readHandleArguments = (topic: string, args: readonly unknown[]): HandleArguments => {
  const handler = args.at(-1)
  const where = `handle('${topic}')`
  if (typeof handler !== 'function' && typeof args.at(-2) === 'function' && !isSchema(handler)) {
    throw invalid(`${where}: the options come before the handler: handle(topic, { also: true }, handler)`)
  }
  // An arktype schema is a function, too: in `handle(topic, schema)` the handler is missing.
  if (typeof handler !== 'function' || isSchema(handler)) {
    throw invalid(`${where}: the last argument must be the handler function`)
  }
  if (args.length > 2)
    throw invalid(`${where}: the arguments are the topic, a schema or options, and the handler`)
  const given = args.length === 2 && args[0] !== undefined ? args[0] : {}
  const options = isSchema(given) ? { schema: given } : (given as HandleOptions)
  checkOptions(`${where}, options (or a schema that implements Standard Schema)`, options, {
    ...groupChecks,
    schema: (value) =>
      isSchema(value)
        ? undefined
        : 'a schema that implements Standard Schema, as zod, valibot and arktype do',
    also: option.boolean,
    strict: option.boolean,
  })
  return { handler: handler as Handler, options }
}

/** @throws `invalid_option` */
export const checkGroupOptions = (options: GroupOptions<readonly AnyMiddleware[]>): void =>
  checkOptions('group()', options, { ...groupChecks, use: option.list(option.function) })

/** Returns the milliseconds of the timeout, if there is one. */
export const timeoutOf = ({ timeout }: GroupHandleOptions): number | undefined =>
  timeout === undefined ? undefined : milliseconds(timeout)
