import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Issue, RookeryError } from '../protocol/errors.ts'

type Validated = StandardSchemaV1.Result<unknown>

/** Whether a value is a Standard Schema. Schemas of arktype are functions, other schemas are objects. */
export const isSchema = (value: unknown): value is StandardSchemaV1 =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') && '~standard' in value

/**
 * Returns what a schema makes of a value: a promise only if the schema is asynchronous. For small messages, promises
 * are most of the cost.
 *
 * @param what names the value in the error, such as `The payload`
 * @throws `invalid_payload`
 */
export const validate = (schema: StandardSchemaV1, value: unknown, what: string): unknown => {
  const result = schema['~standard'].validate(value)
  return 'then' in result
    ? Promise.resolve(result).then((validated) => validValue(validated, what))
    : validValue(result, what)
}

/**
 * Returns what a synchronous schema makes of a value.
 *
 * @throws `invalid_payload`; `invalid_option` if the schema is asynchronous
 */
export const validateNow = (schema: StandardSchemaV1, value: unknown, what: string): unknown => {
  const result = schema['~standard'].validate(value)
  if (!('then' in result)) return validValue(result, what)
  result.catch(() => {})
  throw new RookeryError(
    'invalid_option',
    `${what} has an asynchronous schema; messages need a synchronous one`,
  )
}

const validValue = (validated: Validated, what: string): unknown => {
  if (validated.issues) throw invalidPayload(validated.issues, what)
  return validated.value
}

const invalidPayload = (found: readonly StandardSchemaV1.Issue[], what: string): RookeryError => {
  const issues = found.map(({ message, path }): Issue => {
    if (!path) return { message }
    // Not `path.map`: arktype's paths are a subclass of Array, and `map` would return one, too.
    const keys = Array.from(path, (part) => (typeof part === 'object' ? part.key : part))
    return { message, path: keys.map((key) => (typeof key === 'symbol' ? String(key) : key)) }
  })
  const [first] = issues
  if (!first) return new RookeryError('invalid_payload')
  const where = first.path?.length ? `${first.path.join('.')}: ` : ''
  return new RookeryError('invalid_payload', `${what} is not valid: ${where}${first.message}`, { issues })
}
