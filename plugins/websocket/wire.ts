import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { RookeryError } from '../../core/protocol/errors.ts'
import type { Frame } from '../../core/protocol/frame.ts'
import type { Wire } from '../../core/sessions/transport.ts'
import { encodeFrames } from './encode-frames.ts'

/** Maximum length of a close reason (RFC 6455, section 5.5). */
const MAX_CLOSE_REASON_BYTES = 123

/**
 * The wire of a connection without compression. Writes encoded frames to the socket, past `ws`. `ws` writes each
 * frame of its own in one call, so the frames never mix.
 */
export class WebSocketWire implements Wire {
  readonly #ws: WebSocket
  readonly #socket: Duplex

  constructor(ws: WebSocket, socket: Duplex) {
    this.#ws = ws
    this.#socket = socket
  }

  get buffered(): number {
    return this.#socket.writableLength
  }

  write(frames: readonly Frame[]): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#socket.write(encodeFrames(frames))
  }

  ping(): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping()
  }

  close(error?: RookeryError): void {
    // An application's error code may be longer than a close reason.
    const reason = Buffer.from(error?.code ?? '').subarray(0, MAX_CLOSE_REASON_BYTES)
    this.#ws.close(error?.closeCode ?? 1000, reason)
  }

  terminate(): void {
    this.#ws.terminate()
  }
}

/** The wire of a compressed connection. `ws` compresses and writes every frame. */
export class CompressedWebSocketWire extends WebSocketWire {
  readonly #ws: WebSocket

  constructor(ws: WebSocket, socket: Duplex) {
    super(ws, socket)
    this.#ws = ws
  }

  override get buffered(): number {
    return this.#ws.bufferedAmount
  }

  override write(frames: readonly Frame[]): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return
    for (const { text } of frames) this.#ws.send(text)
  }
}
