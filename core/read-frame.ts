import { textIsShallow } from './depth.ts'
import { RookeryError } from './errors.ts'
import { type ClientFrame, type InvalidFrame, parseClientFrame } from './protocol.ts'

/** What stands for a frame that is nested too deeply. */
export const tooDeep = (maxDepth: number, id: number | undefined): InvalidFrame => ({
  type: 'invalid',
  error: new RookeryError('bad_frame', `A frame may be nested ${maxDepth} levels deep`),
  ...(id !== undefined && { id }),
})

/** Reads a frame from a client; never throws. @param maxDepth most levels of arrays and objects in each other */
export const readClientFrame = (text: string, maxDepth: number): ClientFrame | InvalidFrame => {
  const frame = parseClientFrame(text)
  return frame.type === 'invalid' || textIsShallow(text, maxDepth) ? frame : tooDeep(maxDepth, frame.id)
}
