import type { KeptMessage } from '../../core/history/store.ts'
import type { Frame } from '../../core/protocol/frame.ts'

/** Bytes of the frames: at most this share of the kept messages. The encodings of the frames take as much again. */
const MAX_SHARE = 1 / 8
const MAX_BYTES = 8 * 1024 * 1024

/** Frames of replayed messages by number, which the sessions share. Beyond a bound in bytes, forgets the oldest ones. */
export class ReplayFrames {
  readonly #maxBytes: number
  readonly #frames = new Map<number, Frame>()
  #bytes = 0

  /** @param keptBytes most bytes of the messages that are kept */
  constructor(keptBytes: number) {
    this.#maxBytes = Math.min(MAX_BYTES, keptBytes * MAX_SHARE)
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
