import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

/** One buffer for the reads of all connections: bytes are counted, and rarely kept. */
const buffer = Buffer.allocUnsafe(256 * 1024)

/** A masked text frame of at most 125 bytes, or of at most 64 KiB. @param {string} text */
const maskedFrame = (text) => {
  const body = Buffer.from(text)
  const header =
    body.length < 126 ? [0x81, 0x80 | body.length] : [0x81, 0xfe, body.length >> 8, body.length & 0xff]
  // The mask is zero, which is valid and leaves the payload unchanged.
  return Buffer.concat([Buffer.from([...header, 0, 0, 0, 0]), body])
}

/** The size of the first frame, or undefined if its header is incomplete. @param {Buffer} bytes */
const frameSize = (bytes) => {
  if (bytes.length < 2) return undefined
  const length = bytes[1] ?? 0
  if (length > 126) throw new Error('a frame that is masked or larger than 64 KiB')
  if (length < 126) return { header: 2, size: 2 + length }
  return bytes.length < 4 ? undefined : { header: 4, size: 4 + bytes.readUInt16BE(2) }
}

/**
 * A bare WebSocket client. It reads frames until it is subscribed and has received the probe, which is the first
 * message. Then it only counts bytes.
 */
export class Client {
  /** Bytes received since the probe. */
  received = 0
  #socket
  #steps
  #onReceived
  #pending = Buffer.alloc(0)
  #upgraded = false
  #counting = false
  /** @type {(frame: { size: number, text: string }) => void} */
  #onProbe = () => {}
  /** @type {(value?: undefined) => void} */
  #onOpened = () => {}

  /**
   * @param {{ port: number, path: string, steps: import('./targets.mjs').Step[] }} target
   * @param {(count: number) => void} onReceived called with the size of every read after the probe
   * @param {(error: Error) => void} onError
   */
  constructor({ port, path, steps }, onReceived, onError) {
    this.#steps = [...steps]
    this.#onReceived = onReceived
    /** The first message: its size on the wire, and its text. @type {Promise<{ size: number, text: string }>} */
    this.probe = new Promise((resolve) => {
      this.#onProbe = resolve
    })
    /** Resolves once the client is subscribed. @type {Promise<void>} */
    this.opened = new Promise((resolve) => {
      this.#onOpened = resolve
    })
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      onread: { buffer, callback: (count) => this.#read(count) },
    })
    this.#socket.setNoDelay()
    this.#socket.on('error', onError)
    this.#socket.on('close', () => onError(new Error('the server closed a connection')))
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
  }

  /** @param {number} count */
  #read(count) {
    if (this.#counting) {
      this.received += count
      this.#onReceived(count)
    } else {
      this.#pending = Buffer.concat([this.#pending, buffer.subarray(0, count)])
      this.#parse()
    }
    return true
  }

  #parse() {
    if (!this.#upgraded) {
      const end = this.#pending.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!this.#pending.toString('latin1', 0, 12).endsWith('101')) throw new Error(String(this.#pending))
      this.#pending = this.#pending.subarray(end + 4)
      this.#upgraded = true
      if (this.#steps.length === 0) this.#onOpened()
    }
    for (;;) {
      const frame = frameSize(this.#pending)
      if (!frame || this.#pending.length < frame.size) return
      const text = this.#pending.toString('utf8', frame.header, frame.size)
      this.#pending = this.#pending.subarray(frame.size)
      this.#take(text, frame.size)
    }
  }

  /** @param {string} text @param {number} size */
  #take(text, size) {
    const step = this.#steps.shift()
    if (!step) {
      this.#counting = true
      this.#onProbe({ size, text })
      return
    }
    if (!text.startsWith(step.after)) throw new Error(`expected ${step.after}, got ${text}`)
    if (step.send !== undefined) this.#socket.write(maskedFrame(step.send))
    if (this.#steps.length === 0) this.#onOpened()
  }
}
