import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, WebSocket } from 'ws'
import type { Reader } from '../../core/admission/stream-reader.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { Frame } from '../../core/protocol/frame.ts'
import type { ClientFrame } from '../../core/protocol/protocol.ts'
import type { PeerSession } from '../../core/sessions/session.ts'
import type { Handshake, TransportHost, Wire } from '../../core/sessions/transport.ts'
import { type EarlyFrames, FirstFrameReader } from './first-frame-reader.ts'
import type { PeerSocket } from './peer-socket.ts'
import { CompressedWebSocketWire, WebSocketWire } from './wire.ts'

/** An upgraded connection that has no session yet. */
export interface UpgradedConnection {
  readonly ws: PeerSocket
  /** Not started yet. */
  readonly reader: Reader
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly url: URL
  readonly address: string
}

const handshakeOf = (
  { request, url, address }: UpgradedConnection,
  firstToken: () => Promise<string>,
): Handshake => ({
  transport: 'websocket',
  address,
  headers: request.headers,
  query: url.searchParams,
  request,
  firstToken,
})

/** Opens a session for an upgraded connection, and passes the client's frames to it until the connection ends. */
export const serveConnection = (connection: UpgradedConnection, host: TransportHost): void => {
  const { ws, reader, socket } = connection
  const wire = ws.extensions ? new CompressedWebSocketWire(ws, socket) : new WebSocketWire(ws, socket)
  let session: PeerSession | undefined
  let closed = false
  ws.on('error', () => {
    // Without a listener, the error would be thrown. `onProtocolError` has reported it, or `close` follows.
  })
  ws.on('close', () => {
    closed = true
    session?.disconnected()
  })
  answerPings(ws)
  openSession(connection, wire, host).then(
    ([opened, early]) => {
      session = opened
      if (closed) opened.disconnected()
      else passFrames(ws, reader, opened, early)
    },
    // The host has told the client and closed the wire. Reading must go on to finish the closing handshake.
    () => reader.start(),
  )
}

/**
 * Answers only the last ping of each turn of the event loop, which RFC 6455 allows (section 5.5.3). A flood has hundreds
 * of pings in one turn.
 */
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

/** Opens the session. Reads the first frame during the handshake only if an auth plugin asks for its token. */
const openSession = async (
  connection: UpgradedConnection,
  wire: Wire,
  host: TransportHost,
): Promise<[session: PeerSession, early: EarlyFrames | undefined]> => {
  let first: FirstFrameReader | undefined
  let finished = false
  const firstToken = async () => {
    if (finished) throw new RookeryError('unauthenticated', 'The handshake is over')
    first ??= new FirstFrameReader(connection.ws, connection.reader, host.limits)
    return await first.token
  }
  try {
    const session = await host.open(handshakeOf(connection, firstToken), wire)
    return [session, first?.stop()]
  } catch (error) {
    first?.stop()
    throw error
  } finally {
    finished = true
  }
}

/** Passes the client's frames to its session. Begins with the frames that arrived before the session was open. */
const passFrames = (
  ws: PeerSocket,
  reader: Reader,
  session: PeerSession,
  early: EarlyFrames | undefined,
): void => {
  /**
   * Returns whether the session has closed. After `rate_limited` also stops reading: the client has `closeTimeout` to read why
   * the session ended.
   */
  const stopIfClosed = (): boolean => {
    if (session.closeReason?.code === 'rate_limited') reader.stop()
    return session.closed
  }
  const receive = (frame: string | ClientFrame, bytes: number) => {
    session.receive(frame, bytes)
    stopIfClosed()
  }
  const onMessage = (data: RawData, isBinary: boolean) => {
    if (stopIfClosed()) return
    if (isBinary) session.close(new RookeryError('binary_not_supported'))
    else receive(String(data), (data as Buffer).length)
  }
  // Pings and pongs of the WebSocket protocol count against the rate limits, too.
  const onPingOrPong = (data: Buffer) => {
    if (!stopIfClosed()) receive({ type: 'pong' }, data.length)
  }
  ws.onProtocolError((error) => session.close(error))
  ws.on('message', onMessage)
  ws.on('ping', onPingOrPong)
  ws.on('pong', onPingOrPong)
  if (early) {
    // `welcome` answers the first frame. If the frame has an id, the client also expects a reply.
    if (early.id !== undefined) session.push(new Frame({ type: 'reply', id: early.id, payload: {} }))
    for (const [data, isBinary] of early.messages) onMessage(data, isBinary)
    if (early.protocolError) session.close(early.protocolError)
  }
  reader.start()
}
