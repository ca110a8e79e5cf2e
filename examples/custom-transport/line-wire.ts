import type { Socket } from 'node:net'
import { createBatchCodec, type Wire } from 'rookery'

/** Milliseconds for what is buffered to leave when a connection is closed. */
const CLOSE_TIMEOUT = 1000

/** Frames that leave together, encoded once for all connections that get the same ones. */
const bytesOf = createBatchCodec((frames) => Buffer.from(frames.map(({ text }) => `${text}\n`).join('')))

/** The wire of one connection. */
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
    const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT)
    socket.once('close', () => clearTimeout(timer))
  },
  terminate: () => void socket.destroy(),
})
