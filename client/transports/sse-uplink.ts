import type { EncodedFrame } from './transport.ts'

/** Most bytes that `"seq":<number>,` adds to a frame. */
export const SEQ_MAX_BYTES = 32

/**
 * Sends frames to the server in POST requests, one request at a time. Frames that arrive during a request leave together
 * in the next one. Frames are numbered, so that the server applies each frame once even if a request is repeated.
 */
export class SseUplink {
  readonly #deliver: (body: string) => Promise<void>
  readonly #maxBody: number
  readonly #queue: string[] = []
  #lastSeq = 0
  #sending: Promise<void> | undefined

  /**
   * @param deliver posts a body; resolves when the server has accepted it, rejects when it cannot be delivered
   * @param maxBody largest body, in bytes
   */
  constructor(deliver: (body: string) => Promise<void>, maxBody: number) {
    this.#deliver = deliver
    this.#maxBody = maxBody
  }

  /** Resolves when no request is under way any more, whether it succeeded or not; undefined when none is. */
  get settled(): Promise<void> | undefined {
    return this.#sending?.catch(() => {})
  }

  /** Resolves when the server has accepted the frames; rejects when they cannot be delivered. */
  send(frames: readonly EncodedFrame[]): Promise<void> {
    for (const { text } of frames) this.#queue.push(`{"seq":${++this.#lastSeq},${text.slice(1)}`)
    this.#sending ??= this.#drain()
    return this.#sending
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#batch()
      await this.#deliver(batch.length > 1 ? `[${batch}]` : `${batch}`)
      this.#queue.splice(0, batch.length)
    }
    this.#sending = undefined
  }

  /** Returns the frames of the next request: as many as fit, at least one. */
  #batch(): string[] {
    let room = this.#maxBody
    // A UTF-16 unit takes at most three bytes in UTF-8, a comma one.
    const end = this.#queue.findIndex((text) => (room -= 3 * text.length + 1) < 0)
    return this.#queue.slice(0, end < 0 ? undefined : end || 1)
  }
}
