import { createConnection, type Socket } from 'node:net'
import type { ClientFrame, ServerFrame } from 'rookery'
import type { Peer, PeerHandshake } from 'rookery/testing/conformance'
import { readLines } from './lines.ts'

/** The client that the testing kit controls. It can also do what a correct client never does. */
export class LinePeer implements Peer {
  readonly frames: ServerFrame[] = []
  closed: { code?: string } | undefined
  readonly #socket: Socket
  #muted = false
  #paused: Promise<void> | undefined
  #resume = () => {}

  constructor(port: number, { params, token }: PeerHandshake) {
    this.#socket = createConnection(port, '127.0.0.1')
    this.#socket.on('error', () => {})
    const query = new URLSearchParams(token === undefined ? params : { ...params, token })
    this.#socket.write(`${query}\n`)
    void this.#listen()
  }

  send(frame: ClientFrame): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(frame)}\n`)
  }

  close(): void {
    this.#socket.end()
  }

  abort(): void {
    this.#socket.destroy()
  }

  pause(): void {
    this.#paused = new Promise((resolve) => {
      this.#resume = resolve
    })
  }

  resume(): void {
    this.#resume()
  }

  mute(): void {
    this.#muted = true
  }

  async #listen(): Promise<void> {
    try {
      for await (const line of readLines(this.#socket)) {
        await this.#paused
        const frame = JSON.parse(line) as ServerFrame
        this.frames.push(frame)
        if (frame.type === 'ping' && !this.#muted) this.send({ type: 'pong' })
      }
    } catch {
      // A broken connection ends like a closed one.
    }
    const last = this.frames.at(-1)
    this.closed = last?.type === 'close' ? { code: last.error.code } : {}
  }
}
