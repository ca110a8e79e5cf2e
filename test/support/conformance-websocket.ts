import type { ClientFrame, ServerFrame } from 'rookery'
import type { Peer, PeerHandshake } from 'rookery/testing/conformance'
import { WebSocket } from 'ws'

/** A peer on the package `ws`. */
export class WebSocketPeer implements Peer {
  readonly frames: ServerFrame[] = []
  closed: { code?: string } | undefined
  readonly #socket: WebSocket
  #muted = false

  private constructor(url: string) {
    // The peer sends pongs itself, so that `mute` can stop them.
    this.#socket = new WebSocket(url, { autoPong: false })
    this.#socket.on('error', () => {})
    this.#socket.on('ping', (data) => {
      if (!this.#muted) this.#socket.pong(data)
    })
    this.#socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as ServerFrame
      this.frames.push(frame)
      if (frame.type === 'ping' && !this.#muted) this.send({ type: 'pong' })
    })
    this.#socket.on('close', (_code, reason) => {
      this.closed = reason.length > 0 ? { code: String(reason) } : {}
    })
  }

  static async connect(url: string, { params }: PeerHandshake): Promise<WebSocketPeer> {
    const peer = new WebSocketPeer(`${url.replace('http', 'ws')}/api/v1/ws?${new URLSearchParams(params)}`)
    await new Promise((resolve) => peer.#socket.once('open', resolve).once('close', resolve))
    return peer
  }

  send(frame: ClientFrame): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame))
  }

  close(): void {
    this.#socket.close()
  }

  abort(): void {
    this.#socket.terminate()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  mute(): void {
    this.#muted = true
  }
}
