import type { JsonSchema } from '../../core/contract/contract.ts'
import { UniqueNames } from './names.ts'

/** A pattern as an address of AsyncAPI. */
export interface Address {
  /** `rooms/:room/messages` becomes `rooms/{room}/messages`. */
  readonly address: string
  readonly parameters: Readonly<Record<string, object>>
  /** JSON schema of the topics that match. */
  readonly topic: JsonSchema
}

const ANY_SEGMENT = '[^/]+'

const escapeRegExp = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/**
 * Translates a pattern of the contract. AsyncAPI has parameters but no wildcards: a `*` becomes a parameter, which says
 * in its description how many segments it stands for.
 */
export const addressOf = (pattern: string): Address => {
  const segments = pattern.split('/')
  const names = new UniqueNames(segments.flatMap((one) => (one.startsWith(':') ? one.slice(1) : [])))
  const parameters: Record<string, object> = {}
  const address: string[] = []
  const expressions: string[] = []
  const add = (name: string, parameter: object, expression: string) => {
    parameters[name] = parameter
    address.push(`{${name}}`)
    expressions.push(expression)
  }
  for (const [index, segment] of segments.entries()) {
    if (segment.startsWith(':')) add(segment.slice(1), {}, ANY_SEGMENT)
    else if (segment === '*' && index === segments.length - 1) {
      add(names.take('rest'), { description: 'One or more segments' }, '.+')
    } else if (segment === '*') add(names.take(`segment${index + 1}`), {}, ANY_SEGMENT)
    // Braces would be parameters.
    else if (/[{}]/.test(segment)) {
      add(names.take(`segment${index + 1}`), { enum: [segment] }, escapeRegExp(segment))
    } else {
      address.push(segment)
      expressions.push(escapeRegExp(segment))
    }
  }
  const isFixed = Object.keys(parameters).length === 0
  return {
    address: address.join('/'),
    parameters,
    topic: isFixed
      ? { type: 'string', const: pattern }
      : { type: 'string', pattern: `^${expressions.join('/')}$` },
  }
}
