import type { WebSocket } from 'ws'
import type { Reader } from '../../core/admission/piece-reader.ts'

/** Reads as `ws` does by itself. Where it decompresses, which takes a while, it must say when it can take more. */
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
