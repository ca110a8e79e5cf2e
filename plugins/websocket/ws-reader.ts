import type { WebSocket } from 'ws'
import type { Reader } from '../../core/admission/stream-reader.ts'

/** Lets `ws` read by itself, and pauses it while nothing may be read. */
export class FlowingReader implements Reader {
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
