/** A pattern with named segments, such as `rooms/:room/messages`. */
export interface NamedPattern {
  /** The pattern with `*` for each name. */
  readonly pattern: string
  /** The names, with the index of their segments. */
  readonly names: readonly (readonly [name: string, segment: number])[]
}

/** Splits the names off a pattern. */
export const parseNamedPattern = (text: string): NamedPattern => {
  const names: [string, number][] = []
  const segments = text.split('/').map((segment, index) => {
    if (!segment.startsWith(':')) return segment
    names.push([segment.slice(1), index])
    return '*'
  })
  return { pattern: segments.join('/'), names }
}
