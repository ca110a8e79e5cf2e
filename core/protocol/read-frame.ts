import { RookeryError } from './errors.ts'
import { type Excess, excessOfText, type StructureLimits } from './frame-structure.ts'
import { parseClientFrame } from './parse-frame.ts'
import type { ClientFrame, InvalidFrame } from './protocol.ts'

/** Returns the error for a frame that has too much structure. */
export const excessive = (
  excess: Excess,
  { maxDepth, maxNodes }: StructureLimits,
  id: number | undefined,
): InvalidFrame => ({
  type: 'invalid',
  error: new RookeryError(
    'bad_frame',
    excess === 'depth'
      ? `A frame may be nested ${maxDepth} levels deep`
      : `A frame may have ${maxNodes} arrays, objects and fields`,
  ),
  ...(id !== undefined && { id }),
})

/** Parses a frame of a client within limits. Never throws. A frame with too many nodes is not parsed. */
export const readClientFrame = (text: string, limits: StructureLimits): ClientFrame | InvalidFrame => {
  const excess = excessOfText(text, limits)
  if (excess === 'nodes') return excessive(excess, limits, idOf(text))
  const frame = parseClientFrame(text)
  return frame.type !== 'invalid' && excess ? excessive(excess, limits, frame.id) : frame
}

/**
 * Finds the id of a frame that is not parsed. The id must be the last field, as Rookery's client writes it, or the
 * first.
 */
const idOf = (text: string): number | undefined => {
  const found = ID_LAST.exec(text.slice(-ID_SEARCH_LENGTH)) ?? ID_FIRST.exec(text.slice(0, ID_SEARCH_LENGTH))
  const id = Number(found?.[1])
  return Number.isSafeInteger(id) ? id : undefined
}

/** Characters in which the id of a frame is searched. */
const ID_SEARCH_LENGTH = 64
const ID_LAST = /,\s*"id"\s*:\s*(\d+)\s*\}\s*$/
const ID_FIRST = /^\s*\{\s*"id"\s*:\s*(\d+)\s*,/
