import type { IncomingMessage } from 'node:http'
import { RookeryError } from '../../core/errors.ts'
import type { ClientFrame } from '../../core/protocol.ts'

/** A frame of the uplink: numbered from 1 by clients that may have to send it again. */
export type UplinkFrame = ClientFrame & { readonly seq?: number }

/** How far ahead of the next number a frame may come, while requests overtake each other. */
const WINDOW = 64

/**
 * Reads the body of a request.
 *
 * @param limit most bytes
 * @throws `payload_too_large`
 */
export const readBody = async (request: IncomingMessage, limit: number): Promise<string> => {
  const tooLarge = () => new RookeryError('payload_too_large', `A request may have ${limit} bytes`)
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length
    if (bytes > limit) throw tooLarge()
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString()
}

/**
 * Parses the body of an uplink request: one frame or a list. What else is wrong with a frame is answered on the
 * stream, as on any other transport.
 *
 * @throws `bad_frame`
 */
export const parseFrames = (body: string): UplinkFrame[] => {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch (cause) {
    throw new RookeryError('bad_frame', 'The body is not JSON', { cause })
  }
  const frames: unknown[] = Array.isArray(parsed) ? parsed : [parsed]
  for (const frame of frames) {
    const seq = (frame as { seq?: unknown } | null)?.seq
    if (seq !== undefined && !(Number.isSafeInteger(seq) && (seq as number) >= 1)) {
      throw new RookeryError('bad_frame', 'Frame field seq must be a whole number from 1')
    }
  }
  return frames as UplinkFrame[]
}

/** Puts numbered frames in order, each once, however often and in whatever order requests bring them. */
export class Uplink {
  readonly #early = new Map<number, UplinkFrame>()
  #next = 1

  /** Number of the frame that is waited for: all before it have been applied. */
  get next(): number {
    return this.#next
  }

  /**
   * Takes frames and returns those that are due, in order. Frames without a number are due at once.
   *
   * @throws `out_of_window` when a number is too far ahead; then none was taken
   */
  take(frames: readonly UplinkFrame[]): UplinkFrame[] {
    const highest = this.#next + WINDOW
    // Frames of one request follow each other, so only a gap before them counts.
    const first = frames.find((frame) => frame?.seq !== undefined)?.seq ?? 0
    if (first >= highest) {
      throw new RookeryError('out_of_window', `Frame ${first} is too far ahead: ${this.#next} is next`)
    }
    const due: UplinkFrame[] = []
    for (const frame of frames) {
      if (frame?.seq === undefined) due.push(frame)
      else if (frame.seq >= this.#next) this.#early.set(frame.seq, frame)
      for (let next = this.#early.get(this.#next); next; next = this.#early.get(this.#next)) {
        this.#early.delete(this.#next++)
        due.push(next)
      }
    }
    return due
  }
}
