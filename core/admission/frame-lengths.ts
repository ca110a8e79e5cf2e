/**
 * Follows the bytes of WebSocket frames (RFC 6455, section 5.2) and knows how much of a frame's payload is still to
 * come. The rest of a payload is best read at once: the parser keeps small pieces of a large frame until the frame is
 * complete.
 */
export class FrameLengths {
  /** Bytes of the current header that have come. */
  #headerBytes = 0
  /** Offsets in the frame at which the extended length and the header end. */
  #lengthEnd = 0
  #headerEnd = 0
  #length = 0
  #payload = 0

  /** Bytes of the current frame's payload that are still to come. */
  get payload(): number {
    return this.#payload
  }

  /** Takes the next bytes of the connection. */
  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const skipped = Math.min(this.#payload, bytes.length - at)
      this.#payload -= skipped
      at += skipped
      if (at < bytes.length) this.#takeHeader(bytes[at++] as number)
    }
  }

  #takeHeader(byte: number): void {
    const at = this.#headerBytes++
    if (at === 0) return
    if (at === 1) {
      const short = byte & 0x7f
      this.#lengthEnd = short === 127 ? 10 : short === 126 ? 4 : 2
      this.#headerEnd = this.#lengthEnd + (byte & 0x80 ? 4 : 0)
      this.#length = short < 126 ? short : 0
    } else if (at < this.#lengthEnd) this.#length = this.#length * 256 + byte
    if (this.#headerBytes < this.#headerEnd) return
    this.#payload = this.#length
    this.#headerBytes = 0
  }
}
