import { type Duplex, Readable } from 'node:stream'
import { WebSocketServer } from 'ws'
import { canReadInPieces, type Reader, StreamReader } from '../../core/admission/stream-reader.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Transport, TransportHost } from '../../core/sessions/transport.ts'
import { LinkedList } from '../../core/util/linked-list.ts'
import type { HttpServer } from '../http/tokens.ts'
import { connect, PeerSocket } from './connection.ts'
import { FlowingReader } from './ws-reader.ts'

interface Settings {
  readonly path: string
  readonly closeTimeout: number
  readonly perMessageDeflate: boolean | Readonly<Record<string, unknown>>
}

/**
 * Chooses who reads a connection: the fair queue, or `ws` by itself. `ws` does where it decompresses, which is asynchronous,
 * and on runtimes whose sockets cannot be read in pieces.
 */
const createReader = (ws: PeerSocket, socket: Duplex, { fairQueue }: TransportHost): Reader =>
  !ws.extensions && canReadInPieces(socket, () => new Readable({ read() {} }))
    ? new StreamReader(socket, fairQueue)
    : new FlowingReader(ws)

/** Accepts WebSocket connections on a path of the app's HTTP server. */
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
    // A variable, because the types of `ws` do not know `closeTimeout` yet.
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
          const reader = createReader(ws, socket, host)
          connect({ ws, reader, request, socket, url, address }, host)
        })
      })
    })
    this.#detach = () => {
      active = false
      off()
    }
  }

  /** Outside of the upgrade: a closure there would keep the request and its URL for as long as the connection lives. */
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
