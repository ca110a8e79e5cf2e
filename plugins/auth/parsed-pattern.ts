/** A pattern taken apart: which topics it matches. */
export interface Shape {
  /** `*` stands for any one segment. */
  readonly segments: readonly string[]
  /** Whether one or more segments follow, whatever they are. */
  readonly open: boolean
}

/** Takes a valid pattern apart. A topic is a pattern that matches only itself. */
export const shapeOf = (pattern: string): Shape => {
  const segments = pattern.split('/')
  const open = segments.at(-1) === '*'
  return { segments: open ? segments.slice(0, -1) : segments, open }
}

/** Whether every topic that one shape matches is matched by another. */
export const shapeCovers = (allowed: Shape, asked: Shape): boolean => {
  const length = allowed.segments.length
  const other = asked.segments.length
  const fits = asked.open ? allowed.open && length <= other : allowed.open ? length < other : length === other
  if (!fits) return false
  // A wildcard does not match the framework's own topics.
  const [first = '*'] = allowed.segments
  if (first === '*' && asked.segments[0]?.startsWith('$')) return false
  return allowed.segments.every((segment, index) => segment === '*' || segment === asked.segments[index])
}

/**
 * Whether every topic that one valid pattern matches is matched by another. What several patterns cover only together,
 * none of them covers.
 *
 * @example covers('rooms/*', 'rooms/42/*') // true
 * @example covers('rooms/42/*', 'rooms/*') // false
 */
export const covers = (allowed: string, asked: string): boolean =>
  shapeCovers(shapeOf(allowed), shapeOf(asked))
