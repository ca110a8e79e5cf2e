import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Issue, RookeryError } from '../protocol/errors.ts'

type Validated = StandardSchemaV1.Result<unknown>

/** Whose mistake a value is: `invalid_payload` of the peer, `invalid_output` of the server itself. */
type Code = 'invalid_payload' | 'invalid_output'

/** Whether a value is a Standard Schema. Schemas of arktype are functions, other schemas are objects. */
export const isSchema = (value: unknown): value is StandardSchemaV1 =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') && '~standard' in value

/**
 * Returns what a schema makes of a value: a promise only if the schema is asynchronous. For small messages, promises
 * are most of the cost.
 *
 * @param what names the value in the error, such as `The payload`
 * @throws the code
 */
export const validate = (
  schema: StandardSchemaV1,
  value: unknown,
  what: string,
  code: Code = 'invalid_payload',
): unknown => {
  const result = schema['~standard'].validate(value)
  return 'then' in result
    ? Promise.resolve(result).then((validated) => validValue(validated, what, code))
    : validValue(result, what, code)
}

/**
 * Returns what a synchronous schema makes of a value.
 *
 * @throws the code; `invalid_option` if the schema is asynchronous
 */
export const validateNow = (
  schema: StandardSchemaV1,
  value: unknown,
  what: string,
  code: Code = 'invalid_payload',
): unknown => {
  const checked = validate(schema, value, what, code)
  if (!(checked instanceof Promise)) return checked
  checked.catch(() => {})
  throw new RookeryError('invalid_option', `${what} needs a synchronous schema`)
}

const validValue = (validated: Validated, what: string, code: Code): unknown => {
  if (validated.issues) throw invalid(validated.issues, what, code)
  return validated.value
}

const invalid = (found: readonly StandardSchemaV1.Issue[], what: string, code: Code): RookeryError => {
  const issues = found.map(({ message, path }): Issue => {
    if (!path) return { message }
    // Not `path.map`: arktype's paths are a subclass of Array, and `map` would return one, too.
    const keys = Array.from(path, (part) => (typeof part === 'object' ? part.key : part))
    return { message, path: keys.map((key) => (typeof key === 'symbol' ? String(key) : key)) }
  })
  const [first] = issues
  if (!first) return new RookeryError(code)
  const where = first.path?.length ? `${first.path.join('.')}: ` : ''
  return new RookeryError(code, `${what} is not valid: ${where}${first.message}`, { issues })
}
