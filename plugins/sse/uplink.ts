import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { RookeryError } from '../../core/protocol/errors.ts'
import { excessOfText } from '../../core/protocol/frame-structure.ts'
import type { ClientFrame } from '../../core/protocol/protocol.ts'
import { excessive } from '../../core/protocol/read-frame.ts'
import type { Limits } from '../../core/sessions/limits.ts'
import { within } from '../../core/util/promises.ts'

/** A frame of the uplink: numbered from 1 by clients that may have to send it again. */
export type UplinkFrame = ClientFrame & { readonly seq?: number }

/** How far ahead of the next number a request may begin, while requests overtake each other. */
const WINDOW = 64
/** Most requests that wait for those before them. */
const MAX_EARLY = 8

/**
 * Reads the body of a request, in no more time than a handshake has.
 *
 * @throws `payload_too_large`, `handshake_timeout`, `disconnected`
 */
export const readBody = async (
  request: IncomingMessage,
  { maxPayload, handshakeTimeout }: Limits,
): Promise<Buffer> => {
  const tooLarge = () => new RookeryError('payload_too_large', `A request may have ${maxPayload} bytes`)
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
 * Parses the body of an uplink request: one frame or a list. What else is wrong with a frame is answered on the
 * stream, as on any other transport.
 *
 * @throws `bad_encoding`, `bad_frame`
 */
export const parseFrames = (body: Buffer, limits: Limits): UplinkFrame[] => {
  if (!isUtf8(body)) throw new RookeryError('bad_encoding', 'The body is not valid UTF-8')
  const text = String(body)
  // The list around the frames is one level more. Which of them have too much they are told one by one: that several come
  // together must not make a difference.
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

/** Puts numbered frames in order, each once, however often and in whatever order requests bring them. */
export class Uplink {
  /** Requests that came too early, by the number of their first frame. */
  readonly #early = new Map<number, readonly UplinkFrame[]>()
  #next = 1

  /** Number of the frame that is waited for: all before it have been applied. */
  get next(): number {
    return this.#next
  }

  /**
   * Takes the frames of a request and returns those that are due, in order. Frames without a number are due at once.
   *
   * @throws `out_of_window` when it is too far ahead, `bad_frame` when its numbers do not follow each other
   */
  take(frames: readonly UplinkFrame[]): UplinkFrame[] {
    const numbered = frames.filter((frame) => frame?.seq !== undefined)
    const due = frames.filter((frame) => frame?.seq === undefined)
    const first = numbered[0]?.seq
    if (first === undefined) return due
    if (numbered.some(({ seq }, index) => seq !== first + index)) {
      throw new RookeryError('bad_frame', 'The numbers of one request must follow each other')
    }
    if (first > this.#next) this.#keep(first, numbered)
    else due.push(...this.#apply(numbered))
    return due
  }

  #keep(first: number, frames: readonly UplinkFrame[]): void {
    const full = this.#early.size >= MAX_EARLY && !this.#early.has(first)
    if (full || first >= this.#next + WINDOW) {
      throw new RookeryError('out_of_window', `Frame ${first} is too far ahead: ${this.#next} is next`)
    }
    this.#early.set(first, frames)
  }

  /** What is new among frames that are due, and among those that waited for them. */
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
