import type { RookeryError } from '../../core/protocol/errors.ts'
import type { ClientFrame, ServerFrame } from '../../core/protocol/protocol.ts'

/** A way to reach the server. The client tries its transports in order and stays with one that works. */
export interface ClientTransport {
  /** For people, and to remember which transport worked: no code decides by it. */
  readonly name: string
  /** Why it cannot work here at all: the client leaves it out, and throws this when it has no other. */
  readonly unavailable?: RookeryError | undefined
  /**
   * Begins one connection. It counts as made when the `welcome` frame has come; how long that may take is
   * the client's affair.
   *
   * MUST NOT call an event before it returns. May throw: the attempt has failed.
   */
  connect(request: ConnectRequest, events: ConnectionEvents): ClientConnection
}

export interface ConnectRequest {
  /** Origin of the server, `http:` or `https:`; the path is the transport's own. */
  readonly url: URL
  /** Belongs into the query of the handshake. */
  readonly params: Readonly<Record<string, string>>
  /**
   * What to show the server, in the transport's own way: first of all, and with whatever is asked of it later, such as
   * further requests. Another one may have come by then, which the server has also got as an `auth` frame.
   */
  readonly token: () => string | undefined
  /** Milliseconds until the attempt is given up: a transport with more than one way has to share them out. */
  readonly timeout: number
}

/** What a transport tells the client. MUST NOT be called after `close()` or `abort()`. */
export interface ConnectionEvents {
  /**
   * A frame, in the order of the server; its fields are checked by the client. A transport whose protocol
   * below has no visible pings passes on `{ type: 'ping' }` when it hears one, and drops the pongs.
   */
  message(frame: ServerFrame): void
  /** What came is no frame at all: `bad_frame`. The connection goes on. */
  invalid(error: RookeryError): void
  /**
   * The connection has ended, or could not be made. Called once, as the last event.
   *
   * @param error with the code that the server gave; without one `connection_failed` for a connection that
   * never stood, `disconnected` for one that did
   */
  close(error: RookeryError): void
}

/** One connection. */
export interface ClientConnection {
  /** Sends in order, if it can in one go. Called only after `welcome`. MUST NOT throw, not after an end either. */
  send(frames: readonly EncodedFrame[]): void
  /** Ends it politely: what was sent before still goes out. After an end it does nothing. */
  close(): void
  /** Ends it with a server that may no longer answer: nothing waits for it. After an end it does nothing. */
  abort(): void
}

/** A frame, and the same as JSON, made when it was handed over: a payload changed later changes nothing. */
export interface EncodedFrame {
  readonly frame: ClientFrame
  readonly text: string
}
