import type { Socket } from 'node:net'
import { createBatchCodec, type Wire } from 'rookery'

/** How long buffered bytes may take to leave when a connection is closed, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1000

/** Encodes the frames of one write. Encodes once for all connections that get the same frames. */
const bytesOf = createBatchCodec((frames) => Buffer.from(frames.map(({ text }) => `${text}\n`).join('')))

/** Creates the wire of one connection. */
export const createLineWire = (socket: Socket): Wire => ({
  get buffered() {
    return socket.writableLength
  },
  write(frames) {
    if (socket.writable) socket.write(bytesOf(frames))
  },
  close() {
    if (!socket.writable) return
    socket.end()
    const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS)
    socket.once('close', () => clearTimeout(timer))
  },
  terminate: () => void socket.destroy(),
})
