import type { Pieces } from './piece-reader.ts'

/**
 * Sizes of the pieces in which WebSocket frames are read (RFC 6455, section 5.2). What is left of a frame's payload is one
 * piece, since nothing comes of it before its end: small pieces of a large frame are garbage that lives until then.
 */
export class FrameMeter implements Pieces {
  /** Bytes of the header that have come. */
  #at = 0
  /** Where its length ends, and where it ends itself. */
  #lengthEnd = 0
  #headerEnd = 0
  #length = 0
  /** Bytes of the payload that are still to come. */
  #payload = 0

  size(several: number): number {
    return Math.max(several, this.#payload)
  }

  took(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const skipped = Math.min(this.#payload, bytes.length - at)
      this.#payload -= skipped
      at += skipped
      if (at < bytes.length) this.#take(bytes[at++] as number)
    }
  }

  /** Takes a byte of a header. */
  #take(byte: number): void {
    const at = this.#at++
    if (at === 0) return
    if (at === 1) {
      const short = byte & 0x7f
      this.#lengthEnd = short === 127 ? 10 : short === 126 ? 4 : 2
      this.#headerEnd = this.#lengthEnd + (byte & 0x80 ? 4 : 0)
      this.#length = short < 126 ? short : 0
    } else if (at < this.#lengthEnd) this.#length = this.#length * 256 + byte
    if (this.#at < this.#headerEnd) return
    this.#payload = this.#length
    this.#at = 0
  }
}
