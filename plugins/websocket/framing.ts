import type { Codec, Frame } from '../../core/frame.ts'

/** FIN and the opcode of a text frame. */
const TEXT = 0x81

/**
 * A frame as one unfragmented, unmasked WebSocket text frame (RFC 6455, section 5.2): the bytes are the same
 * for every connection.
 */
export const textFrame: Codec<Buffer> = {
  encode({ text }) {
    const length = Buffer.byteLength(text)
    const header = length < 126 ? 2 : length < 65_536 ? 4 : 10
    const bytes = Buffer.allocUnsafe(header + length)
    bytes[0] = TEXT
    if (header === 2) {
      bytes[1] = length
    } else if (header === 4) {
      bytes[1] = 126
      bytes.writeUInt16BE(length, 2)
    } else {
      bytes[1] = 127
      bytes.writeUInt32BE(Math.floor(length / 2 ** 32), 2)
      bytes.writeUInt32BE(length >>> 0, 6)
    }
    bytes.write(text, header)
    return bytes
  },
}

interface Batch {
  readonly frames: readonly Frame[]
  readonly bytes: Buffer
}

/** The last batch that began with a frame. */
const batches = new WeakMap<Frame, Batch>()

const isSame = (a: readonly Frame[], b: readonly Frame[]): boolean => {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

/**
 * Several frames as one piece. Those who subscribe alike have the same frames in their outboxes when a turn
 * ends, so that the piece is put together once for all of them.
 */
export const batchBytes = (frames: readonly Frame[]): Buffer => {
  const first = frames[0] as Frame
  if (frames.length === 1) return first.encoded(textFrame)
  const known = batches.get(first)
  if (known && isSame(known.frames, frames)) return known.bytes
  const bytes = Buffer.concat(frames.map((frame) => frame.encoded(textFrame)))
  batches.set(first, { frames: [...frames], bytes })
  return bytes
}
