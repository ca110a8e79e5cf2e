import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, WebSocket } from 'ws'
import type { Reader } from '../../core/admission/stream-reader.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { Frame } from '../../core/protocol/frame.ts'
import type { ClientFrame } from '../../core/protocol/protocol.ts'
import type { PeerSession } from '../../core/sessions/session.ts'
import type { Handshake, TransportHost, Wire } from '../../core/sessions/transport.ts'
import { type Early, FirstFrame } from './first-frame.ts'
import { batchBytes } from './framing.ts'

/** Errors for the close codes that `ws` uses when a peer breaks the protocol. */
const faults: Readonly<Record<number, () => RookeryError>> = {
  1002: () => new RookeryError('protocol_error', 'The frame breaks RFC 6455'),
  1007: () => new RookeryError('bad_encoding'),
  1008: () => new RookeryError('protocol_error', 'The message has too many fragments'),
  1009: () => new RookeryError('payload_too_large'),
}

/** A `ws` socket that reports a breach of the protocol before it closes the connection. */
export class PeerSocket extends WebSocket {
  #tell: ((error: RookeryError) => void) | undefined

  /**
   * Sets the callback for breaches of the protocol. This is a method because V8 allocates a function that is written where
   * it is assigned to a field among long-lived objects, with everything that it refers to.
   */
  onFault(tell: ((error: RookeryError) => void) | undefined): void {
    this.#tell = tell
  }

  override close(code?: number, reason?: string | Buffer): void {
    const fault = code === undefined || reason !== undefined ? undefined : faults[code]
    if (fault && this.#tell && this.readyState === WebSocket.OPEN) this.#tell(fault())
    else super.close(code, reason)
  }
}

/**
 * The wire of one connection. Without compression, it writes frames to the socket. `ws` writes each of its own frames in
 * one call, so the two never mix.
 */
class PeerWire implements Wire {
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
    // RFC 6455 allows 123 bytes, and codes of applications may be longer.
    const reason = Buffer.from(error?.code ?? '').subarray(0, 123)
    this.#ws.close(error?.closeCode ?? 1000, reason)
  }

  terminate(): void {
    this.#ws.terminate()
  }
}

/** The wire of a compressed connection: `ws` must write every frame itself. */
class CompressingWire extends PeerWire {
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

/** A peer before its session exists. */
export interface Newcomer {
  readonly ws: PeerSocket
  /** Not started yet. */
  readonly reader: Reader
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly url: URL
  readonly address: string
}

const handshakeOf = ({ request, url, address }: Newcomer, firstToken: () => Promise<string>): Handshake => ({
  transport: 'websocket',
  address,
  headers: request.headers,
  query: url.searchParams,
  request,
  firstToken,
})

/** Opens a session for an upgraded connection, and passes frames to it until the connection ends. */
export const connect = (newcomer: Newcomer, host: TransportHost): void => {
  const { ws, reader, socket } = newcomer
  const wire = ws.extensions ? new CompressingWire(ws, socket) : new PeerWire(ws, socket)
  let session: PeerSession | undefined
  let gone = false
  ws.on('error', () => {
    // `onFault` has reported it, or the connection has ended and `close` follows.
  })
  ws.on('close', () => {
    gone = true
    session?.disconnected()
  })
  answerPings(ws)
  open(newcomer, wire, host).then(
    ([opened, early]) => {
      session = opened
      if (gone) opened.disconnected()
      else feed(ws, reader, opened, early)
    },
    // The peer has been told and the wire closed. Reading on lets the closing handshake finish.
    () => reader.start(),
  )
}

/** Answers only the last ping of each turn of the event loop, which RFC 6455 allows (section 5.5.3). A flood has hundreds. */
const answerPings = (ws: PeerSocket): void => {
  let last: Buffer | undefined
  const pong = () => {
    const data = last
    last = undefined
    if (ws.readyState === WebSocket.OPEN) ws.pong(data)
  }
  ws.on('ping', (data) => {
    if (last === undefined) setImmediate(pong)
    last = data
  })
}

/** Opens the session. Reads the first frame before that only if an auth plugin asks for the token. */
const open = async (
  newcomer: Newcomer,
  wire: Wire,
  host: TransportHost,
): Promise<[session: PeerSession, early: Early | undefined]> => {
  let first: FirstFrame | undefined
  let over = false
  const firstToken = async () => {
    if (over) throw new RookeryError('unauthenticated', 'The handshake is over')
    first ??= new FirstFrame(newcomer.ws, newcomer.reader, host.limits)
    return await first.token
  }
  try {
    const session = await host.open(handshakeOf(newcomer, firstToken), wire)
    return [session, first?.stop()]
  } catch (error) {
    first?.stop()
    throw error
  } finally {
    over = true
  }
}

/** Passes the peer's frames to its session, beginning with the frames that came before the session was open. */
const feed = (ws: PeerSocket, reader: Reader, session: PeerSession, early: Early | undefined): void => {
  /** A session that ends with `rate_limited` is not read any more; the peer has `closeTimeout` to read why. */
  const isOver = (): boolean => {
    if (session.closeReason?.code === 'rate_limited') reader.stop()
    return session.closed
  }
  const receive = (frame: string | ClientFrame, bytes: number) => {
    session.receive(frame, bytes)
    isOver()
  }
  const take = (data: RawData, isBinary: boolean) => {
    if (isOver()) return
    if (isBinary) session.close(new RookeryError('binary_not_supported'))
    else receive(String(data), (data as Buffer).length)
  }
  // Pings and pongs of the WebSocket protocol count as frames, too.
  const alive = (data: Buffer) => {
    if (!isOver()) receive({ type: 'pong' }, data.length)
  }
  ws.onFault((error) => session.close(error))
  ws.on('message', take)
  ws.on('ping', alive)
  ws.on('pong', alive)
  if (early) {
    // `welcome` is the answer; a frame with an id gets a reply, too.
    if (early.id !== undefined) session.push(new Frame({ type: 'reply', id: early.id, payload: {} }))
    for (const [data, isBinary] of early.messages) take(data, isBinary)
    if (early.fault) session.close(early.fault)
  }
  reader.start()
}
