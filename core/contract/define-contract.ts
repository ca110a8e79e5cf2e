import { errorEntry, RookeryError } from '../protocol/errors.ts'
import { isReserved } from '../topics/topic.ts'
import type { CallContract, Contract } from './contract.ts'
import { addIndex } from './contract-index.ts'
import { keyOf, parseNamedPattern } from './pattern.ts'
import { isSchema } from './schema.ts'

const CODE = /^[a-z][a-z0-9_]*$/

const invalid = (problem: string): RookeryError =>
  new RookeryError('invalid_option', `defineContract(): ${problem}`)

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const checkKeys = (value: Readonly<Record<string, unknown>>, where: string, known: readonly string[]) => {
  const unknown = Object.keys(value).find((key) => !known.includes(key))
  if (unknown !== undefined) throw invalid(`${where} has no field '${unknown}', only ${known.join(', ')}`)
}

const checkSchema = (value: unknown, where: string) => {
  if (value !== undefined && !isSchema(value)) {
    throw invalid(`${where} must implement Standard Schema, as zod, valibot and arktype do`)
  }
}

const checkNames = (map: unknown, where: string): [name: string, value: unknown][] => {
  if (map === undefined) return []
  if (!isObject(map)) throw invalid(`${where} must be an object`)
  const names = new Map<string, string>()
  for (const name of Object.keys(map)) {
    if (isReserved(name)) throw new RookeryError('reserved_topic', `defineContract(): ${where} has '${name}'`)
    const key = keyOf(parseNamedPattern(name))
    const other = names.get(key)
    if (other !== undefined)
      throw invalid(`${where} has '${other}' and '${name}', which are the same pattern`)
    names.set(key, name)
  }
  return Object.entries(map)
}

/** Checks what documents say. */
const checkText = (value: Readonly<Record<string, unknown>>, where: string) => {
  const { description, jsonSchema } = value
  if (description !== undefined && typeof description !== 'string')
    throw invalid(`${where}.description must be a string`)
  if (jsonSchema !== undefined && !isObject(jsonSchema))
    throw invalid(`${where}.jsonSchema must be an object`)
}

const checkTopic = (name: string, topic: unknown) => {
  if (isSchema(topic)) return
  const where = `topics['${name}']`
  if (!isObject(topic) || topic.schema === undefined) {
    throw invalid(`${where} must be a schema, or an object with one as 'schema'`)
  }
  checkSchema(topic.schema, `${where}.schema`)
  checkKeys(topic, where, ['schema', 'description', 'jsonSchema'])
  checkText(topic, where)
}

const checkCall = (name: string, call: unknown) => {
  const where = `calls['${name}']`
  if (!isObject(call) || isSchema(call))
    throw invalid(`${where} must be an object with input, output and errors`)
  checkKeys(call, where, ['input', 'output', 'errors', 'description', 'jsonSchema'])
  const { input, output, errors = {} } = call as CallContract
  checkSchema(input, `${where}.input`)
  checkSchema(output, `${where}.output`)
  checkText(call, where)
  if (!isObject(errors)) throw invalid(`${where}.errors must be an object`)
  for (const [code, schema] of Object.entries(errors)) {
    if (!CODE.test(code)) throw invalid(`${where}.errors['${code}'] must be a code such as too_fast`)
    if (errorEntry(code).status === 500) {
      throw invalid(`${where}.errors['${code}'] is a code of Rookery that no client gets`)
    }
    checkSchema(schema ?? null, `${where}.errors['${code}']`)
  }
}

/**
 * Defines the topics and calls of an app once, for the types and the validation of server and client. The schemas are of any
 * library that implements Standard Schema, such as zod, valibot or arktype. Keep it in a file without server code.
 *
 * @returns a frozen copy
 * @throws `invalid_option`, `invalid_pattern`, `reserved_topic`
 * @example
 * export const contract = defineContract({
 *   topics: { 'rooms/:room/messages': z.object({ text: z.string() }) },
 *   calls: { 'chat/send': { input: z.object({ room: z.string(), text: z.string() }) } },
 * })
 */
export const defineContract = <const C extends Contract>(contract: C): C => {
  if (!isObject(contract)) throw invalid('the contract must be an object with user, topics and calls')
  checkKeys(contract as Readonly<Record<string, unknown>>, 'the contract', ['user', 'topics', 'calls'])
  checkSchema(contract.user, 'user')
  for (const [name, topic] of checkNames(contract.topics, 'topics')) checkTopic(name, topic)
  for (const [name, call] of checkNames(contract.calls, 'calls')) checkCall(name, call)
  const copy = {
    ...contract,
    ...(contract.topics && { topics: Object.freeze({ ...contract.topics }) }),
    ...(contract.calls && { calls: Object.freeze({ ...contract.calls }) }),
  }
  addIndex(copy)
  return Object.freeze(copy)
}
