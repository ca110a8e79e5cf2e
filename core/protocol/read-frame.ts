import { RookeryError } from './errors.ts'
import { type Excess, excessOfText, type StructureLimits } from './frame-structure.ts'
import { type ClientFrame, type InvalidFrame, parseClientFrame } from './protocol.ts'

/** What stands for a frame that has too much structure. */
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

/** Reads a frame from a client; never throws. One with too many nodes is not parsed. */
export const readClientFrame = (text: string, limits: StructureLimits): ClientFrame | InvalidFrame => {
  const excess = excessOfText(text, limits)
  if (excess === 'nodes') return excessive(excess, limits, idOf(text))
  const frame = parseClientFrame(text)
  return frame.type !== 'invalid' && excess ? excessive(excess, limits, frame.id) : frame
}

/** The number of a frame that is not parsed, where it comes last, as from our client, or first. */
const idOf = (text: string): number | undefined => {
  const found = ID_LAST.exec(text.slice(-LONGEST_ID)) ?? ID_FIRST.exec(text.slice(0, LONGEST_ID))
  const id = Number(found?.[1])
  return Number.isSafeInteger(id) ? id : undefined
}

const LONGEST_ID = 64
const ID_LAST = /,\s*"id"\s*:\s*(\d+)\s*\}\s*$/
const ID_FIRST = /^\s*\{\s*"id"\s*:\s*(\d+)\s*,/
