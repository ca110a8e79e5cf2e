import { PIECE, type Pieces } from './piece-reader.ts'

/** Bytes of a frame's header at most: two, eight for the length, and four for the mask. */
const LONGEST_HEADER = 14

/**
 * Sizes of the pieces in which WebSocket frames are read (RFC 6455, section 5.2). What is left of a frame's payload is one
 * piece, since nothing comes of it before its end: small pieces of a large frame are garbage that lives until then.
 */
export class FrameMeter implements Pieces {
  /** The header that is being read. */
  readonly #header = new Uint8Array(LONGEST_HEADER)
  #filled = 0
  /** Bytes of the payload that are still to come. */
  #payload = 0

  size(): number {
    return Math.max(PIECE, this.#payload)
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
    const header = this.#header
    header[this.#filled++] = byte
    if (this.#filled < 2) return
    const second = header[1] as number
    const short = second & 0x7f
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0
    const maskBytes = second & 0x80 ? 4 : 0
    if (this.#filled < 2 + lengthBytes + maskBytes) return
    this.#filled = 0
    this.#payload = lengthBytes === 0 ? short : 0
    for (let at = 2; at < 2 + lengthBytes; at++) this.#payload = this.#payload * 256 + (header[at] as number)
  }
}
