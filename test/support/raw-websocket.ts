import { randomBytes } from 'node:crypto'
import { createConnection, type Socket } from 'node:net'
import { onTestFinished, vi } from 'vitest'
import type { Received } from './bare-client.ts'

/** A raw WebSocket client, which can send invalid frames, stop reading, and stop answering. */
export class RawWebSocket {
  readonly frames: Received[] = []
  readonly #socket: Socket
  #unread: Buffer = Buffer.alloc(0)
  #muted = false
  #close: { code: number; reason: string } | undefined
  #ended = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#ended = true
    })
    onTestFinished(() => void socket.destroy())
  }

  /** Connects and waits for `welcome`. */
  static async connect(url: string, path = '/api/v1/ws'): Promise<RawWebSocket> {
    const client = await RawWebSocket.open(url, path)
    await client.until(({ type }) => type === 'welcome')
    return client
  }

  /** The upgrade request of a WebSocket. */
  static request(url: string, path = '/api/v1/ws'): string {
    const { hostname } = new URL(url)
    return (
      `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`
    )
  }

  /** Connects without waiting for `welcome`. */
  static async open(url: string, path = '/api/v1/ws'): Promise<RawWebSocket> {
    const { hostname, port } = new URL(url)
    const socket = createConnection(Number(port), hostname)
    const client = new RawWebSocket(socket)
    socket.write(RawWebSocket.request(url, path))
    await new Promise<void>((resolve) => {
      let head = Buffer.alloc(0)
      const read = (data: Buffer) => {
        head = Buffer.concat([head, data])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        socket.off('data', read)
        socket.on('data', (more) => client.#take(more))
        client.#take(head.subarray(end + 4))
        resolve()
      }
      socket.on('data', read)
    })
    return client
  }

  text(text: string): void {
    this.frame(0x81, Buffer.from(text))
  }

  /** Writes raw bytes. */
  bytes(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** Writes a frame with this first byte. */
  frame(first: number, payload: Buffer, { masked = true } = {}): void {
    const flag = masked ? 0x80 : 0
    const length =
      payload.length < 126
        ? Buffer.from([flag | payload.length])
        : Buffer.from([flag | 126, payload.length >> 8, payload.length & 0xff])
    // The mask is zero, which is valid and leaves the payload unchanged.
    const mask = masked ? Buffer.alloc(4) : Buffer.alloc(0)
    this.#socket.write(Buffer.concat([Buffer.from([first]), length, mask, payload]))
  }

  /** Stops answering pings. */
  mute(): void {
    this.#muted = true
  }

  /** Drops the connection without a close frame. */
  reset(): void {
    this.#socket.resetAndDestroy()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  async until(fits: (frame: Received) => boolean): Promise<Received> {
    return await vi.waitFor(
      () => {
        const frame = this.frames.find(fits)
        if (!frame) throw new Error('no such frame yet')
        return frame
      },
      { interval: 5 },
    )
  }

  /** Resolves when the connection has ended, with the close frame and the last text before it. */
  async closed(): Promise<{
    code: number | undefined
    reason: string | undefined
    last: Received | undefined
  }> {
    await vi.waitFor(
      () => {
        if (!this.#ended) throw new Error('still open')
      },
      { interval: 5 },
    )
    return { code: this.#close?.code, reason: this.#close?.reason, last: this.frames.at(-1) }
  }

  #take(data: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, data])
    for (;;) {
      const unread = this.#unread
      const first = unread[0]
      const short = unread[1]
      if (first === undefined || short === undefined) return
      const header = short < 126 ? 2 : short === 126 ? 4 : 10
      if (unread.length < header) return
      const length =
        short < 126 ? short : short === 126 ? unread.readUInt16BE(2) : Number(unread.readBigUInt64BE(2))
      if (unread.length < header + length) return
      this.#unread = unread.subarray(header + length)
      this.#handle(first & 0x0f, unread.subarray(header, header + length))
    }
  }

  #handle(opcode: number, payload: Buffer): void {
    if (opcode === 1) this.frames.push(JSON.parse(String(payload)) as Received)
    if (opcode === 9 && !this.#muted) this.frame(0x8a, payload)
    if (opcode === 8) {
      this.#close = { code: payload.readUInt16BE(0), reason: String(payload.subarray(2)) }
      this.frame(0x88, payload)
      this.#socket.end()
    }
  }
}
