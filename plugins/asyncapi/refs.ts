import type { JsonSchema } from '../../core/contract/contract.ts'

/**
 * Copies a JSON schema to another place in a document. References of a schema to its own parts begin with `#`, which
 * means the root of the document, so they get the new place in front.
 *
 * @param place a JSON pointer, such as `#/components/schemas/Message`
 */
export const movedTo = (place: string, schema: JsonSchema): JsonSchema => {
  // These two name the schema, or its version, as a document of its own.
  const { $schema, $id, ...rest } = schema
  return withRefs(rest, place) as JsonSchema
}

const withRefs = (value: unknown, place: string): unknown => {
  if (Array.isArray(value)) return value.map((each) => withRefs(each, place))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      key === '$ref' && typeof each === 'string' && each.startsWith('#')
        ? `${place}${each.slice(1)}`
        : withRefs(each, place),
    ]),
  )
}
