import { type Duplex, Readable } from 'node:stream'
import { WebSocketServer } from 'ws'
import { canReadInPieces, type Reader, StreamReader } from '../../core/admission/stream-reader.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Transport, TransportHost } from '../../core/sessions/transport.ts'
import { LinkedList } from '../../core/util/linked-list.ts'
import type { HttpServer } from '../http/tokens.ts'
import { serveConnection } from './connection.ts'
import { PeerSocket } from './peer-socket.ts'
import { WsReader } from './ws-reader.ts'

interface WebSocketSettings {
  readonly path: string
  /** Milliseconds. */
  readonly closeTimeout: number
  readonly perMessageDeflate: boolean | Readonly<Record<string, unknown>>
}

/**
 * Creates the reader of a connection: in turns of the fair queue if possible, otherwise by `ws`. `ws` must read
 * compressed connections, because it decompresses asynchronously, and sockets of runtimes that cannot read in pieces.
 */
const createReader = (ws: PeerSocket, socket: Duplex, { fairQueue }: TransportHost): Reader =>
  !ws.extensions && canReadInPieces(socket, () => new Readable({ read() {} }))
    ? new StreamReader(socket, fairQueue)
    : new WsReader(ws)

/** Accepts WebSocket connections on a path of the application's HTTP server. */
export class WebSocketTransport implements Transport {
  readonly name = 'websocket'
  readonly #http: () => HttpServer
  readonly #settings: WebSocketSettings
  readonly #sockets = new LinkedList<PeerSocket>()
  #detach = (): void => {}
  /** Called when the last socket has closed, while the transport stops. */
  #onEmpty: (() => void) | undefined

  constructor(http: () => HttpServer, settings: WebSocketSettings) {
    this.#http = http
    this.#settings = settings
  }

  async start(host: TransportHost): Promise<void> {
    const { path, closeTimeout, perMessageDeflate } = this.#settings
    // A variable, because the types of `ws` do not have `closeTimeout` yet.
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
    const removeHandler = http.onUpgrade(path, (request, socket, head, url) => {
      const address = http.addressOf(request)
      return host.begin(address, () => {
        if (!active) throw new RookeryError('shutting_down')
        server.handleUpgrade(request, socket, head, (ws) => {
          this.#track(ws)
          const reader = createReader(ws, socket, host)
          serveConnection({ ws, reader, request, socket, url, address }, host)
        })
      })
    })
    this.#detach = () => {
      active = false
      removeHandler()
    }
  }

  /**
   * Tracks an open socket. A method of its own, because a closure in the upgrade handler would keep the request and
   * its URL in memory for as long as the connection lives.
   */
  #track(ws: PeerSocket): void {
    const entry = this.#sockets.add(ws)
    ws.once('close', () => {
      this.#sockets.delete(entry)
      if (this.#sockets.size === 0) this.#onEmpty?.()
    })
  }

  async stop(): Promise<void> {
    this.#detach()
    if (this.#sockets.size === 0) return
    const timer = setTimeout(() => {
      for (const ws of this.#sockets) ws.terminate()
    }, this.#settings.closeTimeout)
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    clearTimeout(timer)
  }
}
