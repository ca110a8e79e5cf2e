import type { RookeryError } from '../../core/protocol/errors.ts'
import type { ClientFrame, ServerFrame } from '../../core/protocol/protocol.ts'

/** A transport to the server. The client tries its transports in order and uses the first one that works. */
export interface ClientTransport {
  /** Shown in events, and used to remember which transport worked. No code branches on it. */
  readonly name: string
  /**
   * Set if the transport cannot work in this environment. The client then omits the transport, and throws the error if
   * it has no other one.
   */
  readonly unavailable?: RookeryError | undefined
  /** Returns the transport with options of the client where it has none of its own. */
  withDefaults?(defaults: TransportDefaults): ClientTransport
  /**
   * Begins one connection. The connection is open when the server's `welcome` frame has arrived. The client limits the
   * time until then.
   *
   * MUST NOT call an event before it returns. MAY throw: the attempt has failed then.
   */
  connect(request: ConnectRequest, events: ConnectionEvents): ClientConnection
}

/** Options of the client that a transport may use. */
export interface TransportDefaults {
  /** A WebSocket class. The transport checks it. */
  readonly WebSocket?: unknown
  /** Path of the server's WebSocket endpoint. */
  readonly path?: string | undefined
}

export interface ConnectRequest {
  /** Origin of the server, `http:` or `https:`. The transport adds its path. */
  readonly url: URL
  /** Query parameters of the handshake. */
  readonly params: Readonly<Record<string, string>>
  /**
   * Returns the current token. The transport sends it with the handshake and with each later request that needs
   * authentication. The token may have changed by then; the client has also sent the new one as an `auth` frame.
   */
  readonly token: () => string | undefined
  /**
   * Milliseconds until the client gives up the attempt. A transport that tries several methods in turn MUST divide this
   * time among them.
   */
  readonly timeout: number
}

/** What a transport tells the client. A transport MUST NOT call it after `close()` or `abort()`. */
export interface ConnectionEvents {
  /**
   * A frame of the server, in the server's order. The client checks its fields. A transport that has pings of its own
   * passes `{ type: 'ping' }` when one arrives, and drops the client's `pong` frames.
   */
  message(frame: ServerFrame): void
  /** The server has sent data that is no frame: `bad_frame`. The connection stays open. */
  invalid(error: RookeryError): void
  /**
   * The connection has ended or could not be made. Called once, as the last event.
   *
   * @param error has the server's error code; without one, `connection_failed` if the connection was never made,
   * `disconnected` if it was
   */
  close(error: RookeryError): void
}

/** One connection of a transport. */
export interface ClientConnection {
  /**
   * Sends frames in order, in one write if possible. The client calls it only after `welcome`. MUST NOT throw, even after
   * the connection has ended.
   *
   * If the network refuses a frame for good, such as a proxy with a smaller limit, the transport MUST pass the client a
   * refusal as the server would send it (`reply` or `error`), and MUST go on with the later frames.
   */
  send(frames: readonly EncodedFrame[]): void
  /** Bytes of the frames that it has accepted and not yet handed to the network. Absent if the transport does not know. */
  readonly buffered?: number | undefined
  /**
   * Sends the frames that it has accepted, then closes: within 5 s, whatever the server does. MUST do nothing after the
   * connection has ended.
   */
  close(): void
  /** Closes at once: the server may no longer respond. MUST do nothing after the connection has ended. */
  abort(): void
}

/**
 * A frame and its JSON text. The client encodes a message when the application sends it: a later change of the payload
 * has no effect.
 */
export interface EncodedFrame {
  readonly frame: ClientFrame
  readonly text: string
  /** Size of the text in UTF-8. */
  readonly bytes: number
}
