import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/** A raw WebSocket, for frames that no library sends. Checks that the frames of the server are valid. */
export class FuzzSocket {
  /** Resolves with whether the server accepted the upgrade. */
  readonly upgraded: Promise<boolean>
  /** Resolves when the connection has ended. */
  readonly gone: Promise<void>
  onText: (text: string) => void = () => {}
  onFault: (what: string, about?: string) => void = () => {}
  /** The close frame of the server. */
  closed: { readonly code: number; readonly reason: string } | undefined
  ended = false
  readonly #socket: Socket
  #unread: Buffer = Buffer.alloc(0)
  #open = false
  #settle!: (upgraded: boolean) => void

  constructor(url: string, path: string, head = '') {
    const { hostname, port } = new URL(url)
    this.#socket = connect(Number(port), hostname)
    this.#socket.setNoDelay()
    this.upgraded = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.gone = new Promise((resolve) => {
      this.#socket.once('close', () => {
        this.ended = true
        this.#settle(false)
        resolve()
      })
    })
    this.#socket.on('error', () => {})
    this.#socket.on('data', (data: Buffer) => this.#take(data))
    this.#socket.on('end', () => this.#socket.end())
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${head}` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
  }

  /** Writes raw bytes. */
  write(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes)
  }

  /** Stops reading until `resume`. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  #take(data: Buffer): void {
    this.#unread = this.#unread.length > 0 ? Buffer.concat([this.#unread, data]) : data
    if (!this.#open && !this.#answered()) return
    for (;;) {
      const unread = this.#unread
      if (unread.length < 2) return
      const short = unread[1]!
      if (short > 127) {
        this.onFault('the server masks')
        return
      }
      const header = short < 126 ? 2 : short === 126 ? 4 : 10
      if (unread.length < header) return
      const length =
        short < 126 ? short : short === 126 ? unread.readUInt16BE(2) : Number(unread.readBigUInt64BE(2))
      if (unread.length < header + length) return
      this.#unread = unread.subarray(header + length)
      this.#frame(unread[0]!, unread.subarray(header, header + length))
    }
  }

  #answered(): boolean {
    const end = this.#unread.indexOf('\r\n\r\n')
    if (end < 0) return false
    const status = this.#unread.toString('latin1', 9, 12)
    if (!/^(101|4\d\d|503)$/.test(status)) this.onFault('an upgrade was answered', String(this.#unread))
    this.#unread = this.#unread.subarray(end + 4)
    this.#open = status === '101'
    this.#settle(this.#open)
    return this.#open
  }

  #frame(first: number, payload: Buffer): void {
    if (this.closed) this.onFault('a frame after the last', String(payload))
    if (first === 0x81) this.onText(String(payload))
    else if (first === 0x89) this.write(frameOf(0x8a, payload))
    else if (first === 0x88) {
      const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0)
      this.closed = { code, reason: String(payload.subarray(2)) }
      this.write(frameOf(0x88, payload.subarray(0, 2)))
    } else if (first !== 0x8a) this.onFault(`a frame that begins with ${first}`)
  }
}

/** Creates a masked frame with this first byte. The mask is zero, which is valid and leaves the payload unchanged. */
export const frameOf = (first: number, payload: Buffer): Buffer => {
  const { length } = payload
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const header = Buffer.alloc(size + 4)
  header[0] = first
  header[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (size === 4) header.writeUInt16BE(length, 2)
  if (size === 10) header.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([header, payload])
}

export const textFrame = (text: string): Buffer => frameOf(0x81, Buffer.from(text))
