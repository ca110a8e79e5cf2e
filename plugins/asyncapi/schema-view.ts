import type { JsonSchema } from '../../core/contract/contract.ts'
import type { PayloadDescription } from './description.ts'
import { type Html, html } from './html.ts'
import { asList, asSchema, isSchemaObject, membersOf, resolveRef, rulesOf, typeText } from './schema-text.ts'

/** Nested fields are folded below this depth. */
const OPEN_DEPTH = 2

/** A schema that is being shown, with where it is. */
interface Place {
  readonly root: JsonSchema
  readonly depth: number
  /** References that have been followed. A second one shows only its name: schemas may contain each other. */
  readonly followed: Set<string>
}

/** Shows what a field of a frame holds, below a heading: its type, and a list of its fields. */
export const schemaView = (heading: Html, payload: PayloadDescription | undefined): Html => {
  if (!payload) return html`<h4>${heading} <span class="empty">none</span></h4>`
  const { schema, isOptional } = payload
  const problem = schema['x-rookery-problem']
  if (problem !== undefined) {
    return html`<h4>${heading}</h4><p class="problem">This schema is not described: ${String(problem)}.</p>`
  }
  const place = { root: schema, depth: 0, followed: new Set(['#']) }
  return html`<h4>${heading} ${aboutType(schema, schema, isOptional)}</h4>${childrenOf(schema, place)}`
}

const aboutType = (schema: JsonSchema, root: JsonSchema, isOptional: boolean): Html => {
  const target = typeof schema.$ref === 'string' ? resolveRef(root, schema.$ref) : undefined
  const { description = target?.description } = schema
  const rules = rulesOf(schema).map((rule) => html` <span class="rule">${rule}</span>`)
  return html`<code class="kind">${typeText(schema, root)}</code>${
    isOptional ? html` <span class="optional">optional</span>` : undefined
  }${rules}${typeof description === 'string' ? html` <span class="about">${description}</span>` : undefined}`
}

/** The fields of an object, of the items of a list, or of the members of a union. */
const childrenOf = (schema: JsonSchema, place: Place): Html | undefined => {
  if (typeof schema.$ref === 'string') {
    if (place.followed.has(schema.$ref)) return undefined
    place.followed.add(schema.$ref)
    const target = resolveRef(place.root, schema.$ref)
    return target && childrenOf(target, place)
  }
  if (schema.properties !== undefined) return fieldsOf(schema, place)
  const { items, additionalProperties } = schema
  const parts = [...membersOf(schema), ...(Array.isArray(items) ? items : [items]), additionalProperties]
  const shown = parts.filter(isSchemaObject).flatMap((part) => childrenOf(part, place) ?? [])
  return shown.length > 0 ? html`${shown}` : undefined
}

const fieldsOf = (schema: JsonSchema, place: Place): Html | undefined => {
  const required = asList(schema.required)
  const fields = Object.entries(asSchema(schema.properties)).map(([name, value]) => {
    const field = asSchema(value)
    const children = childrenOf(field, { ...place, depth: place.depth + 1 })
    const head = html`<code class="name">${name}</code> ${aboutType(field, place.root, !required.includes(name))}`
    if (!children) return html`<li>${head}</li>`
    const open = place.depth + 1 < OPEN_DEPTH ? html` open` : undefined
    return html`<li><details${open}><summary>${head}</summary>${children}</details></li>`
  })
  return fields.length > 0 ? html`<ul class="fields">${fields}</ul>` : undefined
}
