import { WebSocketServer } from 'ws'
import { FrameMeter } from '../../core/admission/frame-meter.ts'
import { PieceReader } from '../../core/admission/piece-reader.ts'
import { RookeryError } from '../../core/errors.ts'
import { LinkedList } from '../../core/linked-list.ts'
import type { Transport, TransportHost } from '../../core/transport.ts'
import type { HttpServer } from '../http/tokens.ts'
import { FlowingReader } from './flowing-reader.ts'
import { connect, PeerSocket } from './peer.ts'

interface Settings {
  readonly path: string
  readonly closeTimeout: number
  readonly perMessageDeflate: boolean | Readonly<Record<string, unknown>>
}

/** Takes WebSocket connections on a path of the app's HTTP server. */
export class WebSocketTransport implements Transport {
  readonly name = 'websocket'
  readonly #http: () => HttpServer
  readonly #settings: Settings
  readonly #peers = new LinkedList<PeerSocket>()
  #detach = (): void => {}
  #empty: (() => void) | undefined

  constructor(http: () => HttpServer, settings: Settings) {
    this.#http = http
    this.#settings = settings
  }

  async start(host: TransportHost): Promise<void> {
    const { path, closeTimeout, perMessageDeflate } = this.#settings
    // Not in place, because the types of `ws` do not know `closeTimeout` yet.
    const options = {
      noServer: true,
      clientTracking: false,
      maxPayload: host.limits.maxPayload,
      autoPong: false,
      perMessageDeflate,
      closeTimeout,
      WebSocket: PeerSocket,
    }
    const server = new WebSocketServer(options)
    const http = this.#http()
    let active = true
    const off = http.onUpgrade(path, (request, socket, head, url) => {
      const address = http.addressOf(request)
      return host.begin(address, () => {
        if (!active) throw new RookeryError('shutting_down')
        server.handleUpgrade(request, socket, head, (ws) => {
          this.#keep(ws)
          const reader = ws.extensions
            ? new FlowingReader(ws)
            : new PieceReader(socket, (read) => host.intake.flow(read), new FrameMeter())
          connect({ ws, reader, request, socket, url, address }, host)
        })
      })
    })
    this.#detach = () => {
      active = false
      off()
    }
  }

  /** Apart from the upgrade, whose closure would keep the request and its URL for as long as the peer. */
  #keep(ws: PeerSocket): void {
    const entry = this.#peers.add(ws)
    ws.once('close', () => {
      this.#peers.delete(entry)
      if (this.#peers.size === 0) this.#empty?.()
    })
  }

  async stop(): Promise<void> {
    this.#detach()
    if (this.#peers.size === 0) return
    const timer = setTimeout(() => {
      for (const peer of this.#peers) peer.terminate()
    }, this.#settings.closeTimeout)
    await new Promise<void>((resolve) => {
      this.#empty = resolve
    })
    clearTimeout(timer)
  }
}
