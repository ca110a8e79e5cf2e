import { once } from 'node:events'
import { connect } from 'node:net'

/** One buffer for the reads of all connections: a response is read at once. */
const buffer = Buffer.allocUnsafe(64 * 1024)

/** Bytes of a chunk of an upload. */
const CHUNK_BYTES = 64 * 1024
const CHUNK = Buffer.concat([
  Buffer.from(`${CHUNK_BYTES.toString(16)}\r\n`),
  Buffer.alloc(CHUNK_BYTES, 'x'),
  Buffer.from('\r\n'),
])
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/** A keep-alive connection with at most one request under way. It checks status and body of every response. */
export class Connection {
  #socket
  #fail
  #text = ''
  #expected = ''
  #underWay = false
  /** @type {() => void} */
  #onAnswered = () => {}

  /**
   * @param {number} port
   * @param {(error: Error) => void} fail called if the server closes the connection or sends another response
   */
  constructor(port, fail) {
    this.#fail = fail
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      onread: { buffer, callback: (count) => this.#read(count) },
    })
    this.#socket.setNoDelay()
    this.#socket.on('error', fail)
    this.#socket.on('close', () => fail(new Error('the server closed a connection')))
  }

  /** Sends a request without a body. @param {Buffer} request @param {string} expected body of the response */
  send(request, expected) {
    const answered = this.#expect(expected)
    this.#socket.write(request)
    return answered
  }

  /** Sends a request and a body of this many chunks. @param {Buffer} head @param {number} chunks */
  upload(head, chunks) {
    const answered = this.#expect(String(chunks * CHUNK_BYTES))
    this.#socket.write(head)
    let left = chunks
    const next = () => {
      if (left-- > 0) this.#socket.write(CHUNK, next)
      else this.#socket.write(LAST_CHUNK)
    }
    next()
    return answered
  }

  async close() {
    this.#socket.removeAllListeners('close')
    const closed = once(this.#socket, 'close')
    this.#socket.destroy()
    await closed
  }

  /** @param {string} body @returns {Promise<void>} resolves once the response is complete */
  #expect(body) {
    this.#expected = body
    this.#underWay = true
    return new Promise((resolve) => {
      this.#onAnswered = resolve
    })
  }

  /** @param {number} count */
  #read(count) {
    this.#text += buffer.toString('latin1', 0, count)
    const body = this.#text.indexOf('\r\n\r\n') + 4
    if (body < 4) return true
    const length = /^content-length: *(\d+)/im.exec(this.#text)?.[1]
    const isExpected =
      this.#underWay &&
      this.#text.startsWith('HTTP/1.1 200') &&
      length === String(this.#expected.length) &&
      this.#expected.startsWith(this.#text.slice(body))
    if (!isExpected) this.#fail(new Error(`expected ${this.#expected}, got ${this.#text}`))
    else if (this.#text.length === body + this.#expected.length) {
      this.#text = ''
      this.#underWay = false
      this.#onAnswered()
    }
    return true
  }
}

/** Chunks of a body. @param {number} bytes */
export const chunksOf = (bytes) => {
  if (bytes % CHUNK_BYTES !== 0) throw new TypeError(`${bytes} is not a multiple of ${CHUNK_BYTES}`)
  return bytes / CHUNK_BYTES
}
