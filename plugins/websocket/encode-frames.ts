import { createBatchCodec, type Frame } from '../../core/protocol/frame.ts'

/** FIN and the opcode of a text frame. */
const TEXT = 0x81

/** A frame as one unfragmented, unmasked WebSocket text frame (RFC 6455, section 5.2). */
const textFrame = ({ text }: Frame): Buffer => {
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
}

/** Frames that leave together, in one piece: the bytes are the same for every connection. */
export const batchBytes = createBatchCodec((frames): Buffer => {
  const [first] = frames as readonly [Frame]
  return frames.length === 1 ? textFrame(first) : Buffer.concat(frames.map((frame) => batchBytes([frame])))
})
