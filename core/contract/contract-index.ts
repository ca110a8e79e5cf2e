import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { PatternTrie } from '../topics/pattern-trie.ts'
import type { CallContract, Contract, ContractIndex, TopicContract } from './contract.ts'
import { createReader } from './contract-reader.ts'
import { INDEX } from './index-key.ts'
import { keyOf, type NamedPattern, parseNamedPattern, patternsMeet, plainPattern } from './pattern.ts'
import { isSchema, validate, validateNow } from './schema.ts'

/** Returns the schema of a topic of a contract. */
const schemaOf = (topic: StandardSchemaV1 | TopicContract): StandardSchemaV1 =>
  isSchema(topic) ? topic : topic.schema

/** Adds its index to a contract. */
export const addIndex = (contract: Contract): void => {
  Object.defineProperty(contract, INDEX, { value: createIndex(contract) })
}

const createIndex = (contract: Contract): ContractIndex => {
  const { user, topics = {}, calls = {} } = contract
  const schemas = new PatternTrie<StandardSchemaV1>({ named: true })
  const callsByPattern = new PatternTrie<CallContract>({ named: true })
  const patterns: NamedPattern[] = []
  for (const [name, topic] of Object.entries(topics)) {
    const parsed = parseNamedPattern(name)
    patterns.push(parsed)
    schemas.add(keyOf(parsed), schemaOf(topic))
  }
  for (const [name, call] of Object.entries(calls)) callsByPattern.add(keyOf(parseNamedPattern(name)), call)
  let hash: string | undefined
  const reading = {
    get hash() {
      return (hash ??= hashOf(contract))
    },
    readMessage: (topic: string, payload: unknown) => {
      const schema = schemas.mostSpecific(topic)
      return schema ? validateNow(schema, payload, `The payload of '${topic}'`) : payload
    },
    readReply: (topic: string, payload: unknown) => {
      const output = callsByPattern.mostSpecific(topic)?.output
      return output ? validate(output, payload, `The reply of '${topic}'`) : payload
    },
  }
  return {
    user,
    get hash() {
      return reading.hash
    },
    createReader: (host) => createReader(reading, host),
    schemasOf: (topic) => schemas.match(topic),
    callOf: (topic) => callsByPattern.mostSpecific(topic),
    callNamed: (pattern) => callsByPattern.get(keyOf(parseNamedPattern(pattern))),
    covers: (pattern) => {
      if (!pattern.includes('*')) return schemas.mostSpecific(pattern) !== undefined
      const wanted = plainPattern(pattern)
      return patterns.some((one) => patternsMeet(one, wanted))
    },
  }
}

/** Describes a schema, as far as it can. */
const described = (schema: StandardSchemaV1 | undefined): unknown => {
  if (!schema) return null
  const { jsonSchema, vendor } = (schema as StandardSchemaV1 & Partial<StandardJSONSchemaV1>)[
    '~standard'
  ] as StandardSchemaV1.Props & Partial<StandardJSONSchemaV1.Props>
  try {
    return jsonSchema?.input({ target: 'draft-2020-12' }) ?? vendor
  } catch {
    // Some types, such as dates, have no JSON schema.
    return vendor
  }
}

/** Names and schemas in the order of the names, so that the order in the source has no effect. */
const hashOf = ({ user, topics = {}, calls = {} }: Contract): string => {
  const sorted = <Value>(map: Readonly<Record<string, Value>>, describe: (value: Value) => unknown) =>
    Object.entries(map)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => [name, describe(value)])
  const text = JSON.stringify([
    described(user),
    sorted(topics, (topic) => described(schemaOf(topic))),
    sorted(calls, ({ input, output, errors = {} }) => [
      described(input),
      described(output),
      sorted(errors, described),
    ]),
  ])
  return hash53(withoutGeneratedNames(text))
}

/** Numbers the definitions of JSON schemas in their order: arktype names them in the order in which a process makes types. */
const withoutGeneratedNames = (text: string): string => {
  const names = new Map<string, string>()
  return text.replace(/\btype\d+\b/g, (name) => {
    if (!names.has(name)) names.set(name, `type#${names.size}`)
    return names.get(name) as string
  })
}

/** cyrb53, a hash of 53 bits: https://github.com/bryc/code/blob/master/jshash/experimental/cyrb53.js (public domain). */
const hash53 = (text: string): string => {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return (4294967296 * (2097151 & low) + (high >>> 0)).toString(36)
}
