/**
 * Returns the path to the first part of a value that JSON cannot hold, and what it is, such as `.items[3].tags is a Map`.
 * Undefined if JSON holds the value. The caller has called `JSON.stringify` before, which throws for bigints and cycles.
 */
export const lossOf = (value: unknown): string | undefined => {
  const kind = typeof value
  if (kind === 'function' || kind === 'symbol') return ` is a ${kind}`
  if (kind !== 'object' || value === null) return undefined
  try {
    return lossIn(value as object)
  } catch {
    // Too deep for this function, or with a cycle behind a `toJSON`. JSON has written it.
    return undefined
  }
}

/**
 * Finds an object that JSON writes as `{}` although it is no plain object. The walk costs 3 to 20% of
 * `JSON.stringify`. A replacer, or a search for `{}` and typed arrays in the text, costs more.
 */
const lossIn = (value: object): string | undefined => {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const item = value[index]
      if (typeof item !== 'object' || item === null) continue
      const loss = lossIn(item)
      if (loss) return `[${index}]${loss}`
    }
    return undefined
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  const isPlain = prototype === Object.prototype || prototype === null
  if (!isPlain) {
    const written = writtenFor(value)
    if (typeof written === 'string') return ` is a${/^[AEIO]/.test(written) ? 'n' : ''} ${written}`
    if (written !== value) return written && lossIn(written)
  }
  for (const key in value) {
    const field = (value as Record<string, unknown>)[key]
    if (typeof field !== 'object' || field === null || (!isPlain && !Object.hasOwn(value, key))) continue
    const loss = lossIn(field)
    if (!loss) continue
    // Only now, since few plain objects have a `toJSON`, and then JSON does not write their fields.
    const written = isPlain ? jsonOf(value) : value
    return written === value ? `.${key}${loss}` : written && lossIn(written)
  }
  return undefined
}

/** The object that JSON writes for an instance of a class; undefined if it is no object; the name of a lossy type. */
const writtenFor = (value: object): object | string | undefined => {
  if (value instanceof Date) return undefined
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  // Also a Buffer, although it has a `toJSON`: it would arrive as another value.
  if (ArrayBuffer.isView(value)) return tag
  const written = jsonOf(value)
  if (written !== value || WRITTEN_TAGS.has(tag) || Object.keys(value).length > 0) return written
  return tag
}

/** The object that `toJSON` of a value returns, or undefined if it returns no object; the value if it has no `toJSON`. */
const jsonOf = (value: object): object | undefined => {
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON !== 'function') return value
  const written: unknown = toJSON.call(value, '')
  return typeof written === 'object' && written !== null ? written : undefined
}

/** Types whose objects JSON writes as their fields or as their value. */
const WRITTEN_TAGS = new Set(['Object', 'Number', 'String', 'Boolean'])
