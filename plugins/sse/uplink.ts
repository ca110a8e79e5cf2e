import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { RookeryError } from '../../core/protocol/errors.ts'
import { excessOfText } from '../../core/protocol/frame-structure.ts'
import type { ClientFrame } from '../../core/protocol/protocol.ts'
import { excessive } from '../../core/protocol/read-frame.ts'
import type { Limits } from '../../core/sessions/limits.ts'
import { within } from '../../core/util/promises.ts'

/** A frame of an uplink request. A client that may have to send a frame again numbers its frames from 1. */
export type UplinkFrame = ClientFrame & { readonly seq?: number }

/** How many numbers ahead of the next frame a request may begin, since requests can overtake each other. */
const MAX_FRAMES_AHEAD = 64
/** Most requests of a session that wait for an earlier request. */
const MAX_EARLY_REQUESTS = 8

/**
 * Reads the body of a request within the time limit of a handshake.
 *
 * @throws `payload_too_large`, `handshake_timeout`, `disconnected`
 */
export const readBody = async (
  request: IncomingMessage,
  { maxPayload, handshakeTimeout }: Limits,
): Promise<Buffer> => {
  const tooLarge = () =>
    new RookeryError('payload_too_large', `The body of the request has more than ${maxPayload} bytes`)
  if (Number(request.headers['content-length'] ?? 0) > maxPayload) throw tooLarge()
  const late = new RookeryError('handshake_timeout', 'The body of the request took too long')
  const read = async () => {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length
      if (bytes > maxPayload) throw tooLarge()
      chunks.push(chunk as Buffer)
    }
    return Buffer.concat(chunks)
  }
  try {
    return await within(handshakeTimeout, read(), () => late)
  } catch (cause) {
    throw cause instanceof RookeryError ? cause : new RookeryError('disconnected', undefined, { cause })
  }
}

/**
 * Parses the body of an uplink request: one frame or a list of frames. It does not check the frames further: errors
 * in a frame are answered on the stream, as on any other transport.
 *
 * @throws `bad_encoding`, `bad_frame`
 */
export const parseFrames = (body: Buffer, limits: Limits): UplinkFrame[] => {
  if (!isUtf8(body)) throw new RookeryError('bad_encoding', 'The body is not valid UTF-8')
  const text = String(body)
  // The list around the frames is one more level. The number of nodes is checked frame by frame, so that a list of
  // frames has the same limit as frames in requests of their own.
  const excess = excessOfText(text, { maxDepth: limits.maxDepth + 1, maxNodes: Number.POSITIVE_INFINITY })
  if (excess) throw excessive(excess, limits, undefined).error
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
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

/**
 * Puts numbered frames in order and drops duplicates, since requests may be sent again and may overtake each other.
 */
export class Uplink {
  /** Frames of requests that arrived too early, by the number of the first frame. */
  readonly #early = new Map<number, readonly UplinkFrame[]>()
  #next = 1

  /** Number of the next frame. All frames before it have been applied. */
  get next(): number {
    return this.#next
  }

  /**
   * Takes the frames of a request and returns the frames that can be applied now, in order. Frames without a number
   * can be applied at once.
   *
   * @throws `out_of_window` when the request is too far ahead, `bad_frame` when its numbers are not consecutive
   */
  take(frames: readonly UplinkFrame[]): UplinkFrame[] {
    const numbered = frames.filter((frame) => frame?.seq !== undefined)
    const due = frames.filter((frame) => frame?.seq === undefined)
    const first = numbered[0]?.seq
    if (first === undefined) return due
    if (numbered.some(({ seq }, index) => seq !== first + index)) {
      throw new RookeryError('bad_frame', 'The numbers of the frames in a request must be consecutive')
    }
    if (first > this.#next) this.#keep(first, numbered)
    else due.push(...this.#apply(numbered))
    return due
  }

  /**
   * Does not wait for the frames before a number any more, because the client has given them up. Returns the frames of early
   * requests that can be applied now.
   */
  skip(from: number): UplinkFrame[] {
    if (from <= this.#next) return []
    this.#next = from
    return this.#apply([])
  }

  #keep(first: number, frames: readonly UplinkFrame[]): void {
    const full = this.#early.size >= MAX_EARLY_REQUESTS && !this.#early.has(first)
    if (full || first >= this.#next + MAX_FRAMES_AHEAD) {
      throw new RookeryError('out_of_window', `Frame ${first} is too far ahead: ${this.#next} is next`)
    }
    this.#early.set(first, frames)
  }

  /** Returns the new frames of a request that is due, and of early requests that waited for it. */
  #apply(frames: readonly UplinkFrame[]): UplinkFrame[] {
    const due = frames.filter(({ seq }) => (seq as number) >= this.#next)
    this.#next += due.length
    for (const [first, waiting] of this.#early) {
      if (first > this.#next) continue
      this.#early.delete(first)
      return [...due, ...this.#apply(waiting)]
    }
    return due
  }
}
