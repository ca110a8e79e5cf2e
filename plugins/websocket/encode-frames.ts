import { createBatchCodec, type Frame } from '../../core/protocol/frame.ts'

/** First byte of a text frame: FIN and the opcode. */
const FIN_TEXT = 0x81

/** Encodes a frame as one unfragmented, unmasked WebSocket text frame (RFC 6455, section 5.2). */
const encodeFrame = ({ text }: Frame): Buffer => {
  const length = Buffer.byteLength(text)
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const bytes = Buffer.allocUnsafe(headerBytes + length)
  bytes[0] = FIN_TEXT
  if (headerBytes === 2) {
    bytes[1] = length
  } else if (headerBytes === 4) {
    bytes[1] = 126
    bytes.writeUInt16BE(length, 2)
  } else {
    bytes[1] = 127
    bytes.writeUInt32BE(Math.floor(length / 2 ** 32), 2)
    bytes.writeUInt32BE(length >>> 0, 6)
  }
  bytes.write(text, headerBytes)
  return bytes
}

/** Encodes frames that are written together. The bytes are the same for every connection, and encoded once. */
export const encodeFrames = createBatchCodec((frames): Buffer => {
  const [first] = frames as readonly [Frame]
  return frames.length === 1
    ? encodeFrame(first)
    : Buffer.concat(frames.map((frame) => encodeFrames([frame])))
})
