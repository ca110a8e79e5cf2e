import type { KeptMessage } from '../../core/history/store.ts'
import type { Frame } from '../../core/protocol/frame.ts'

/** Frames of replayed messages by number, which the sessions share. Beyond a bound in bytes, forgets the oldest ones. */
export class ReplayFrames {
  readonly #maxBytes: number
  readonly #frames = new Map<number, Frame>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Returns the frame of a message. Creates it if there is none. */
  get(message: KeptMessage, create: () => Frame): Frame {
    const known = this.#frames.get(message.seq)
    if (known) return known
    const frame = create()
    this.#frames.set(message.seq, frame)
    this.#bytes += frame.bytes
    for (const [seq, oldest] of this.#frames) {
      if (this.#bytes <= this.#maxBytes) break
      this.#frames.delete(seq)
      this.#bytes -= oldest.bytes
    }
    return frame
  }

  /** Forgets all frames: the stream is another one. */
  clear(): void {
    this.#frames.clear()
    this.#bytes = 0
  }
}
