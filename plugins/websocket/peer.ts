import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { RookeryError } from '../../core/errors.ts'
import type { Frame } from '../../core/frame.ts'
import type { Session } from '../../core/session.ts'
import type { Handshake, TransportHost, Wire } from '../../core/transport.ts'
import { batchBytes } from './framing.ts'

/** What `ws` closes with when a peer breaks the protocol, as errors of ours. */
const faults: Readonly<Record<number, () => RookeryError>> = {
  1002: () => new RookeryError('protocol_error', 'The frame breaks RFC 6455'),
  1007: () => new RookeryError('bad_encoding'),
  1008: () => new RookeryError('protocol_error', 'The message has too many fragments'),
  1009: () => new RookeryError('payload_too_large'),
}

/** A `ws` socket that says why before it closes a connection whose peer broke the protocol. */
export class PeerSocket extends WebSocket {
  onFault: ((error: RookeryError) => void) | undefined

  override close(code?: number, reason?: string | Buffer): void {
    const fault = code === undefined || reason !== undefined ? undefined : faults[code]
    if (fault && this.onFault && this.readyState === WebSocket.OPEN) this.onFault(fault())
    else super.close(code, reason)
  }
}

/**
 * The wire of one connection. Without compression, frames go to the connection itself: `ws` writes each of
 * its own frames whole and at once, so the two never mix.
 */
export class PeerWire implements Wire {
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
    if (this.#ws.readyState === WebSocket.OPEN) this.#socket.write(batchBytes(frames))
  }

  ping(): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping()
  }

  close(error?: RookeryError): void {
    // RFC 6455 has room for 123 bytes; applications have codes of their own.
    const reason = Buffer.from(error?.code ?? '').subarray(0, 123)
    this.#ws.close(error?.closeCode ?? 1000, reason)
  }

  terminate(): void {
    this.#ws.terminate()
  }
}

/** The wire of a connection that compresses: `ws` must write every frame itself. */
export class CompressingWire extends PeerWire {
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

const handshakeOf = (request: IncomingMessage, url: URL): Handshake => ({
  transport: 'websocket',
  address: request.socket.remoteAddress ?? '',
  headers: request.headers,
  query: url.searchParams,
})

/** Opens a session for a connection that has been upgraded, and feeds it until the connection is gone. */
export const connect = (
  ws: PeerSocket,
  request: IncomingMessage,
  socket: Duplex,
  url: URL,
  host: TransportHost,
): void => {
  const wire = ws.extensions ? new CompressingWire(ws, socket) : new PeerWire(ws, socket)
  let session: Session | undefined
  let gone = false
  ws.on('error', () => {
    // What went wrong has been said in `onFault`, or is the end of the connection: `close` follows.
  })
  ws.on('close', () => {
    gone = true
    session?.disconnected()
  })
  // Nothing is read until somebody is there to take it.
  ws.pause()
  host.open(handshakeOf(request, url), wire).then(
    (opened) => {
      session = opened
      if (gone) {
        opened.disconnected()
        return
      }
      ws.onFault = (error) => opened.close(error)
      ws.on('message', (data, isBinary) => {
        if (isBinary) opened.close(new RookeryError('binary_not_supported'))
        else opened.receive(String(data))
      })
      ws.on('pong', () => opened.alive())
      ws.resume()
    },
    // Refused, told and closed already; reading on lets the closing handshake finish.
    () => ws.resume(),
  )
}
