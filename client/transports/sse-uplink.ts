import type { RookeryError } from '../../core/protocol/errors.ts'
import type { EncodedFrame } from './transport.ts'

/** Most bytes that the number of a frame and the list around it add to a frame. */
export const SEQ_MAX_BYTES = 32

/** Smallest limit of a body, in bytes, after refused requests. A request has at least one frame in any case. */
const MIN_BODY_BYTES = 64

export interface UplinkHost {
  /**
   * Posts a body. Resolves with undefined when the server has accepted it, or with the error if it is refused for good.
   * Rejects when the session is lost.
   *
   * @param from 0, or the number of the first frame that is not given up: the server must not wait for earlier ones
   */
  post(body: string, from: number): Promise<RookeryError | undefined>
  /** A frame is refused and not sent again. */
  refused(frame: EncodedFrame, error: RookeryError): void
}

/**
 * Sends frames to the server in POST requests, one request at a time. Frames that arrive during a request leave together
 * in the next one. Frames are numbered, so that the server applies each frame once even if a request is repeated.
 *
 * If a request with several frames is refused, for example by a proxy with a smaller limit for bodies, half as many bytes
 * follow in the next one, so that only a frame that is refused alone is given up.
 */
export class SseUplink {
  readonly #host: UplinkHost
  readonly #maxBody: number
  readonly #queue: EncodedFrame[] = []
  /** Limit for the next body, in bytes. */
  #limit: number
  #buffered = 0
  /** Number of the first frame of the queue. */
  #seq = 1
  #skips = false
  #ackDue = false
  #sending: Promise<void> | undefined

  /** @param maxBody largest body, in bytes */
  constructor(host: UplinkHost, maxBody: number) {
    this.#host = host
    this.#maxBody = this.#limit = maxBody
  }

  /** Bytes of the frames that the server has not accepted yet. */
  get buffered(): number {
    return this.#buffered
  }

  /** The frames that the server has not accepted yet. */
  get frames(): readonly EncodedFrame[] {
    return this.#queue
  }

  /** Resolves when no request is under way any more, whether it succeeded or not. */
  async settle(): Promise<void> {
    await this.#sending?.catch(() => {})
  }

  /** Resolves when the server has accepted or refused the frames; rejects when the session is lost. */
  send(frames: readonly EncodedFrame[]): Promise<void> {
    this.#queue.push(...frames)
    this.#buffered += sizeOf(frames)
    this.#sending ??= this.#drain()
    return this.#sending
  }

  /** Sends a request, with frames or without, unless another one follows anyway. Settles as `send`. */
  acknowledge(): Promise<void> {
    this.#ackDue = true
    return this.send([])
  }

  async #drain(): Promise<void> {
    while (this.#ackDue || this.#queue.length > 0) {
      this.#ackDue = false
      const batch = this.#batch()
      const texts = batch.map(({ text }, index) => `{"seq":${this.#seq + index},${text.slice(1)}`)
      const error = await this.#host.post(`[${texts}]`, this.#skips ? this.#seq : 0)
      if (error && batch.length > 1) {
        this.#limit = Math.max(MIN_BODY_BYTES, sizeOf(batch) / 2)
        continue
      }
      this.#queue.splice(0, batch.length)
      this.#buffered -= sizeOf(batch)
      this.#seq += batch.length
      if (!error) this.#limit = Math.min(2 * this.#limit, this.#maxBody)
      this.#skips = error !== undefined && (this.#skips || batch.length > 0)
      if (error && batch[0]) this.#host.refused(batch[0], error)
    }
    this.#sending = undefined
  }

  /** Returns the frames of the next request: as many as fit, at least one if there is any. */
  #batch(): readonly EncodedFrame[] {
    let room = this.#limit
    const end = this.#queue.findIndex(({ bytes }) => (room -= bytes + SEQ_MAX_BYTES) < 0)
    return this.#queue.slice(0, end < 0 ? undefined : end || 1)
  }
}

const sizeOf = (frames: readonly EncodedFrame[]): number => frames.reduce((sum, { bytes }) => sum + bytes, 0)
