import type { EncodedFrame } from './transport.ts'

/** Most bytes that a number adds to a frame. */
export const NUMBER_BYTES = 32

/**
 * The way up: one request at a time, in which goes whatever has come together meanwhile. Frames are numbered, so that
 * the server applies each once, however often a request has to be made again.
 */
export class Uplink {
  readonly #deliver: (body: string) => Promise<void>
  readonly #maxBody: number
  readonly #queue: string[] = []
  #last = 0
  #sending: Promise<void> | undefined

  /**
   * @param deliver resolves when the server has a body; rejects when it will never have it
   * @param maxBody most bytes in a body
   */
  constructor(deliver: (body: string) => Promise<void>, maxBody: number) {
    this.#deliver = deliver
    this.#maxBody = maxBody
  }

  /** Resolves when the server has everything, or never will. */
  get settled(): Promise<void> | undefined {
    return this.#sending?.catch(() => {})
  }

  /** Rejects when the server will never have the frames. */
  send(frames: readonly EncodedFrame[]): Promise<void> {
    for (const { text } of frames) this.#queue.push(`{"seq":${++this.#last},${text.slice(1)}`)
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

  /** As many frames as fit into a request, and one at least. */
  #batch(): string[] {
    let room = this.#maxBody
    // A UTF-16 unit takes at most three bytes, a comma one.
    const end = this.#queue.findIndex((text) => (room -= 3 * text.length + 1) < 0)
    return this.#queue.slice(0, end < 0 ? undefined : end || 1)
  }
}
