/** A topic pattern, split into segments. */
export interface ParsedPattern {
  /** Segments without a `*` at the end. A `*` stands for any one segment. */
  readonly segments: readonly string[]
  /** Whether the pattern ends with `*`: one or more further segments follow. */
  readonly openEnded: boolean
}

/** Parses a valid pattern. A topic is a pattern that matches only itself. */
export const parsePattern = (pattern: string): ParsedPattern => {
  const segments = pattern.split('/')
  const openEnded = segments.at(-1) === '*'
  return { segments: openEnded ? segments.slice(0, -1) : segments, openEnded }
}

/**
 * Whether `allowed` matches every topic that `requested` matches.
 *
 * @example covers(parsePattern('rooms/*'), parsePattern('rooms/42/*')) // true
 * @example covers(parsePattern('rooms/42/*'), parsePattern('rooms/*')) // false
 */
export const covers = (allowed: ParsedPattern, requested: ParsedPattern): boolean => {
  if (!coversLength(allowed, requested)) return false
  // A wildcard does not match the framework's own topics.
  const [first = '*'] = allowed.segments
  if (first === '*' && requested.segments[0]?.startsWith('$')) return false
  return allowed.segments.every((segment, index) => segment === '*' || segment === requested.segments[index])
}

const coversLength = (allowed: ParsedPattern, requested: ParsedPattern): boolean => {
  const length = allowed.segments.length
  const requestedLength = requested.segments.length
  if (requested.openEnded) return allowed.openEnded && length <= requestedLength
  return allowed.openEnded ? length < requestedLength : length === requestedLength
}
