import { randomBytes } from 'node:crypto'

/**
 * A masked text frame. The mask is zero, which is valid and leaves the payload unchanged.
 *
 * @param {string | object} message
 */
export const frameOf = (message) => {
  const body = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message))
  const { length } = body
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const header = Buffer.alloc(size + 4)
  header[0] = 0x81
  header[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (size === 4) header.writeUInt16BE(length, 2)
  if (size === 10) header.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([header, body])
}

/** The request that opens a WebSocket. @param {string} [query] */
export const upgradeOf = (query = '') =>
  `GET /api/v1/ws${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`

/**
 * Calls `take` with each complete frame, and returns the remaining bytes.
 *
 * @param {Buffer} bytes
 * @param {(text: string) => void} take
 */
export const takeFrames = (bytes, take) => {
  for (;;) {
    if (bytes.length < 2) return bytes
    const short = bytes[1] ?? 0
    const header = short < 126 ? 2 : short === 126 ? 4 : 10
    if (bytes.length < header) return bytes
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
    if (bytes.length < header + length) return bytes
    if (bytes[0] === 0x81) take(bytes.toString('latin1', header, header + length))
    bytes = bytes.subarray(header + length)
  }
}
