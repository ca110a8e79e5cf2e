import type { JsonSchema } from '../../core/contract/contract.ts'

/** Whether a part of a schema is a schema. It may be anything, since applications write schemas, too. */
export const isSchemaObject = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const asSchema = (value: unknown): JsonSchema => (isSchemaObject(value) ? value : {})

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Returns the part of a schema that a reference such as `#/definitions/User` names; undefined if there is none. */
export const resolveRef = (root: JsonSchema, ref: string): JsonSchema | undefined => {
  if (!ref.startsWith('#')) return undefined
  let found: unknown = root
  for (const part of ref.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = (found as Record<string, unknown>)[key]
  }
  return asSchema(found)
}

/** The alternatives of a union, or the parts of an intersection. */
export const membersOf = ({ anyOf, oneOf, allOf }: JsonSchema): readonly unknown[] =>
  asList(anyOf ?? oneOf ?? allOf)

/** The type of a schema, as TypeScript would write it. */
export const typeText = (schema: JsonSchema, root: JsonSchema): string => {
  const { $ref, title, type, items, additionalProperties } = schema
  if (schema['x-rookery-problem'] !== undefined) return 'not described'
  if (typeof $ref === 'string') return refText($ref, root)
  if ('const' in schema) return JSON.stringify(schema.const)
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  const members = membersOf(schema)
  if (members.length > 0) {
    const texts = members.map((member) => typeText(asSchema(member), root))
    return [...new Set(texts)].join(schema.allOf ? ' & ' : ' | ')
  }
  if (Array.isArray(type)) return type.join(' | ')
  if (type === 'array') return listText(items, root)
  if (type === 'object' && typeof title === 'string') return title
  if (type === 'object' && schema.properties === undefined && isSchemaObject(additionalProperties)) {
    return `{ [key]: ${typeText(additionalProperties, root)} }`
  }
  return typeof type === 'string' ? type : 'any'
}

const refText = (ref: string, root: JsonSchema): string => {
  const title = resolveRef(root, ref)?.title
  if (typeof title === 'string') return title
  const name = ref.split('/').at(-1) ?? ''
  // zod and arktype number what has no name of its own.
  return name === '#' || /^(__schema|type)\d+$/.test(name) ? 'object' : name
}

const listText = (items: unknown, root: JsonSchema): string => {
  if (Array.isArray(items)) return `[${items.map((item) => typeText(asSchema(item), root)).join(', ')}]`
  const text = typeText(asSchema(items), root)
  return / [|&] /.test(text) ? `(${text})[]` : `${text}[]`
}

const RULES: Readonly<Record<string, string>> = {
  format: '',
  pattern: 'matches',
  minLength: 'min length',
  maxLength: 'max length',
  minimum: '≥',
  exclusiveMinimum: '>',
  maximum: '≤',
  exclusiveMaximum: '<',
  multipleOf: 'multiple of',
  minItems: 'min items',
  maxItems: 'max items',
  default: 'default',
}

/** What else a value has to be, such as `max length 500`. */
export const rulesOf = (schema: JsonSchema): readonly string[] =>
  Object.entries(RULES).flatMap(([name, label]) => {
    const value = schema[name]
    // A format says more than the pattern that a library writes for it. Every whole number has the bounds of a safe one.
    const isNoise =
      (name === 'pattern' && schema.format !== undefined) ||
      Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER
    if (value === undefined || isNoise) return []
    return `${label} ${typeof value === 'string' && name !== 'default' ? value : JSON.stringify(value)}`.trim()
  })
