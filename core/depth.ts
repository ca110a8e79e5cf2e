/**
 * Whether JSON text nests arrays and objects at most so many levels deep. What walks the parsed value later may do so by
 * recursion; parsing it does not (V8 has a stack of its own for that), and what is no JSON is found out there.
 */
export const textIsShallow = (text: string, maxDepth: number): boolean => {
  // Each level takes two characters at least.
  if (text.length <= 2 * maxDepth) return true
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (inString) {
      if (code === BACKSLASH) index++
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    else if (code === BRACE || code === BRACKET) {
      if (++depth > maxDepth) return false
    } else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) depth--
  }
  return true
}

/** The same of a parsed value. */
export const isShallow = (value: unknown, maxDepth: number): boolean => {
  if (maxDepth === Number.POSITIVE_INFINITY) return true
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = []
    for (const one of level) {
      if (typeof one !== 'object' || one === null) continue
      if (depth >= maxDepth) return false
      for (const inner of Object.values(one))
        if (typeof inner === 'object' && inner !== null) next.push(inner)
    }
    level = next
  }
  return true
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const BRACKET = 0x5b
const CLOSING_BRACKET = 0x5d
const BRACE = 0x7b
const CLOSING_BRACE = 0x7d
