/** Limits for the structure of a frame. Parsing and walking a frame takes time for each node. */
export interface StructureLimits {
  /** Levels of nested arrays and objects. */
  readonly maxDepth: number
  /** Arrays, objects, and fields of objects together. */
  readonly maxNodes: number
}

/** The limit that a frame exceeds. `nodes` has priority, since a frame with too many nodes is not parsed. */
export type Excess = 'depth' | 'nodes'

/**
 * Returns the limit that a JSON text exceeds. Code that walks the parsed value may recurse, so the depth has a limit.
 * Parsing does not recurse (V8 uses a stack on the heap). Invalid JSON is not detected here but by the parser.
 */
export const excessOfText = (text: string, { maxDepth, maxNodes }: StructureLimits): Excess | undefined => {
  // Each level and each node takes at least two characters.
  if (text.length <= 2 * Math.min(maxDepth, maxNodes)) return undefined
  let depth = 0
  let deepest = 0
  let nodes = 0
  for (let index = 0; index < text.length && nodes <= maxNodes; index++) {
    const code = text.charCodeAt(index)
    if (code === QUOTE) index = endOfString(text, index)
    else if (code === COLON) nodes++
    else if (code === BRACE || code === BRACKET) {
      nodes++
      depth++
      if (depth > deepest) deepest = depth
    } else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) depth--
  }
  if (nodes > maxNodes) return 'nodes'
  return deepest > maxDepth ? 'depth' : undefined
}

/** Returns the index of the quote that ends a string, or the length of the text. */
const endOfString = (text: string, begin: number): number => {
  for (let end = text.indexOf('"', begin + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++
    if (escapes % 2 === 0) return end
  }
  return text.length
}

/** Returns the limit that a parsed value exceeds. */
export const excessOfValue = (
  value: unknown,
  { maxDepth, maxNodes }: StructureLimits,
): Excess | undefined => {
  let nodes = 0
  let depth = 0
  let level = [value].filter(isContainer)
  while (level.length > 0) {
    depth++
    const next: object[] = []
    for (const container of level) {
      const inner = Object.values(container)
      nodes += Array.isArray(container) ? 1 : 1 + inner.length
      if (nodes > maxNodes) return 'nodes'
      for (const one of inner) if (isContainer(one)) next.push(one)
    }
    level = next
  }
  return depth > maxDepth ? 'depth' : undefined
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null

const QUOTE = 0x22
const COLON = 0x3a
const BACKSLASH = 0x5c
const BRACKET = 0x5b
const CLOSING_BRACKET = 0x5d
const BRACE = 0x7b
const CLOSING_BRACE = 0x7d
