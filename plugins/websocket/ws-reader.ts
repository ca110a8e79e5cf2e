import type { WebSocket } from 'ws'
import type { Reader } from '../../core/admission/stream-reader.ts'

/** Lets `ws` read the connection. Pauses `ws` while the reader is stopped. */
export class WsReader implements Reader {
  readonly #ws: WebSocket

  constructor(ws: WebSocket) {
    this.#ws = ws
    ws.pause()
  }

  start(): void {
    this.#ws.resume()
  }

  stop(): void {
    this.#ws.pause()
  }
}
