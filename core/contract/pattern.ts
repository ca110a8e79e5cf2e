import { RookeryError } from '../protocol/errors.ts'
import { assertPattern, compilePattern } from '../topics/topic.ts'

/** A pattern with named segments, such as `rooms/:room/messages`. */
export interface NamedPattern {
  /** The pattern with `*` for each name. If its last segment is a name, `*` matches more topics than the name does. */
  readonly pattern: string
  /** The names, with the index of their segments. */
  readonly names: readonly (readonly [name: string, index: number])[]
  /** Number of segments of its topics, if the last segment is a name. */
  readonly length: number | undefined
}

/**
 * Splits the names off a pattern.
 *
 * @throws `invalid_pattern`
 */
export const parseNamedPattern = (text: string): NamedPattern => {
  assertPattern(text)
  const names: [string, number][] = []
  const segments = text.split('/')
  const pattern = segments.map((segment, index) => {
    if (!segment.startsWith(':')) return segment
    if (!/^:[a-z_]\w*$/i.test(segment) || segments.indexOf(segment) < index) {
      throw new RookeryError('invalid_pattern', `Pattern '${text}' must have other names than '${segment}'`)
    }
    names.push([segment.slice(1), index])
    return '*'
  })
  const isExact = names.at(-1)?.[1] === segments.length - 1
  return { pattern: pattern.join('/'), names, length: isExact ? segments.length : undefined }
}

/** The pattern, but with `:` if its last segment is a name: the same for patterns that differ only in their names. */
export const keyOf = ({ pattern, length }: NamedPattern): string =>
  length === undefined ? pattern : `${pattern.slice(0, -1)}:`

type Params = Readonly<Record<string, string>>

/** Compiles a pattern into a function that returns the parameters of a valid topic, or undefined if it does not match. */
export const compileNamed = ({
  pattern,
  names,
  length,
}: NamedPattern): ((topic: string) => Params | undefined) => {
  const matches = compilePattern(pattern)
  return (topic) =>
    matches(topic) && (!length || topic.split('/').length === length) ? paramsOf(names, topic) : undefined
}

/** Returns the segments of a topic, by their names in the pattern that it matches. */
export const paramsOf = (names: NamedPattern['names'], topic: string): Params => {
  const segments = topic.split('/')
  return Object.fromEntries(names.map(([name, index]) => [name, segments[index] as string]))
}

/** Reads a pattern of a client: a segment `:name` of it is text. */
export const plainPattern = (pattern: string): NamedPattern => ({
  pattern,
  names: [],
  length: undefined,
})

/** Puts segments with a `/` at their end, or nothing, before a pattern. In these segments `:name` is text. */
export const patternBelow = (prefix: string, { pattern, names, length }: NamedPattern): NamedPattern => {
  const added = prefix.split('/').length - 1
  return {
    pattern: prefix + pattern,
    names: names.map(([name, index]) => [name, index + added]),
    length: length === undefined ? undefined : length + added,
  }
}

/** Whether some topic matches both patterns. */
export const patternsMeet = (one: NamedPattern, other: NamedPattern): boolean => {
  const [first, second] = [one.pattern.split('/'), other.pattern.split('/')]
  const [firstRest, secondRest] = [restOf(one, first), restOf(other, second)]
  for (let index = 0; ; index++) {
    const [left, right] = [first[index], second[index]]
    if (left === undefined || right === undefined) return left === right
    if (index === firstRest || index === secondRest) return true
    if (left !== '*' && right !== '*' && left !== right) return false
  }
}

/** The index of a `*` for one or more segments; -1 without one. */
const restOf = ({ length }: NamedPattern, segments: readonly string[]): number =>
  length === undefined && segments.at(-1) === '*' ? segments.length - 1 : -1
