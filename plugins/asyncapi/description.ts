import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import type { CallContract, Contract, JsonSchema, TopicContract } from '../../core/contract/contract.ts'
import { indexOf } from '../../core/contract/index-key.ts'
import { isSchema } from '../../core/contract/schema.ts'
import { RookeryError } from '../../core/protocol/errors.ts'

/** A schema that cannot be written as a JSON schema. */
export interface SchemaProblem {
  /** Its place in the contract, such as `calls['orders/list'].output`. */
  readonly where: string
  /** What its library says. */
  readonly message: string
}

/** What a field of a frame holds. */
export interface PayloadDescription {
  /** JSON schema of the value on the wire. Its references are relative to itself. */
  readonly schema: JsonSchema
  /** Whether a frame may leave the field out. */
  readonly isOptional: boolean
}

export interface TopicDescription {
  readonly pattern: string
  readonly description: string | undefined
  readonly payload: PayloadDescription
}

export interface CallDescription {
  readonly pattern: string
  readonly description: string | undefined
  readonly input: PayloadDescription | undefined
  readonly output: PayloadDescription | undefined
  /** `data` of the errors of the application. */
  readonly errors: readonly { readonly code: string; readonly data: PayloadDescription }[]
}

/** What a contract says, as JSON. */
export interface ContractDescription {
  readonly hash: string
  readonly user: PayloadDescription | undefined
  readonly topics: readonly TopicDescription[]
  readonly calls: readonly CallDescription[]
  readonly problems: readonly SchemaProblem[]
}

type Describe = (
  schema: StandardSchemaV1,
  where: string,
  options?: { given?: JsonSchema | undefined; side?: 'input' | 'output' },
) => PayloadDescription

/**
 * Describes a contract with JSON schemas. The wire carries the input of a schema, so that is what they describe; but the
 * client of a session gets what the schema of the user returns.
 *
 * @throws `invalid_option` if the contract is not one that `defineContract` has returned
 */
export const describeContract = (contract: Contract): ContractDescription => {
  const index = indexOf(contract)
  if (!index) {
    throw new RookeryError('invalid_option', 'The contract must be one that defineContract() has returned')
  }
  const problems: SchemaProblem[] = []
  const describe: Describe = (schema, where, { given, side = 'input' } = {}) => {
    const isOptional = acceptsNothing(schema)
    try {
      return { schema: given ?? jsonSchemaOf(schema, side), isOptional }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      problems.push({ where, message })
      return { schema: { 'x-rookery-problem': message }, isOptional }
    }
  }
  const { user, topics = {}, calls = {} } = contract
  return {
    hash: index.hash,
    user: user && withIdentity(describe(user, 'user', { side: 'output' })),
    topics: Object.entries(topics).map(([pattern, topic]) => describeTopic(pattern, topic, describe)),
    calls: Object.entries(calls).map(([pattern, call]) => describeCall(pattern, call, describe)),
    problems,
  }
}

/** Adds what every user has, whether its schema returns it or not. */
const withIdentity = ({ schema, ...rest }: PayloadDescription): PayloadDescription => {
  const { properties, required } = schema
  if (typeof properties !== 'object') return { schema, ...rest }
  const string = { type: 'string' }
  const all = new Set(['id', 'name', ...(Array.isArray(required) ? required : [])])
  return {
    schema: { ...schema, properties: { id: string, name: string, ...properties }, required: [...all] },
    ...rest,
  }
}

const describeTopic = (
  pattern: string,
  topic: StandardSchemaV1 | TopicContract,
  describe: Describe,
): TopicDescription => {
  const { schema, description, jsonSchema }: TopicContract = isSchema(topic) ? { schema: topic } : topic
  const payload = describe(schema, `topics['${pattern}']`, { given: jsonSchema })
  return { pattern, description, payload }
}

const describeCall = (pattern: string, call: CallContract, describe: Describe): CallDescription => {
  const { input, output, errors = {}, description, jsonSchema = {} } = call
  const where = `calls['${pattern}']`
  return {
    pattern,
    description,
    input: input && describe(input, `${where}.input`, { given: jsonSchema.input }),
    output: output && describe(output, `${where}.output`, { given: jsonSchema.output }),
    errors: Object.entries(errors).map(([code, schema]) => ({
      code,
      data: describe(schema, `${where}.errors.${code}`),
    })),
  }
}

/**
 * Returns the JSON schema that a schema makes of itself. Draft 7 is the version that AsyncAPI's own schemas extend.
 *
 * @throws if the schema has none, or if its library cannot write it
 */
const jsonSchemaOf = (schema: StandardSchemaV1, side: 'input' | 'output'): JsonSchema => {
  const { vendor, jsonSchema } = schema['~standard'] as StandardSchemaV1.Props &
    Partial<StandardJSONSchemaV1.Props>
  if (!jsonSchema) throw new Error(`The schema of ${vendor} has no JSON schema`)
  return jsonSchema[side]({ target: 'draft-07' })
}

/** Whether a schema accepts `undefined`. JSON schemas cannot say that. */
const acceptsNothing = (schema: StandardSchemaV1): boolean => {
  try {
    const result = schema['~standard'].validate(undefined)
    if (!('then' in result)) return result.issues === undefined
    result.then(undefined, () => {})
  } catch {
    // A check of the application may not expect `undefined`.
  }
  return false
}
