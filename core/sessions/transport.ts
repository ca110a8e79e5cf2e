import type { FairQueue } from '../admission/fair-queue.ts'
import { createToken } from '../app/scope.ts'
import type { RookeryError } from '../protocol/errors.ts'
import type { Frame } from '../protocol/frame.ts'
import type { Session } from './live-session.ts'
import type { Limits } from './session-host.ts'

/**
 * A way for clients to connect. A plugin adds it to `Transports` in its `setup`; the app starts it when all
 * plugins have started, and stops it before it stops any.
 */
export interface Transport {
  /** Names the transport in the log and to hooks, such as `websocket`. */
  readonly name: string
  /** Begins to take connections and hands each to `host.open`. */
  start(host: TransportHost): Promise<void>
  /**
   * Takes no more connections and resolves when none is left. The app has closed every session before; the
   * transport MUST give their last bytes a limited time to leave and MUST NOT leave a socket or timer open.
   */
  stop(): Promise<void>
}

/** What a transport knows of a peer before the session exists. */
export interface Handshake {
  /** Name of the transport. */
  readonly transport: string
  /** The peer's network address. */
  readonly address: string
  /** Header names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly query: URLSearchParams
  /** Patterns that the peer subscribes to as it connects; one that is wrong refuses it. */
  readonly topics?: readonly string[]
  /** A token that the peer presented in the transport's own way, such as Socket.IO's `auth.token`. */
  readonly token?: string
  /**
   * Waits for the token that the peer sends in its first frame: for transports whose peers cannot present one before.
   * Only an authenticating hook calls it. Later frames wait until the session is open, as always.
   *
   * @throws `unauthenticated` when the first frame is another
   */
  readonly firstToken?: () => Promise<string>
}

/** The app, as transports see it. */
export interface TransportHost {
  /** A transport MUST refuse frames larger than `limits.maxPayload`, and SHOULD before it has read them. */
  readonly limits: Limits
  /**
   * Shares the event loop among peers. `session.receive` uses it. A transport that can leave bytes unread SHOULD read each
   * connection in small pieces, in a flow of its own, so that other sessions do not wait while it parses a flood.
   */
  readonly fairQueue: FairQueue
  /**
   * Begins a handshake by calling `act`: now, or up to half a second later if its address is over the handshake rate. A
   * transport SHOULD call this before it has spent anything on the peer. The promise settles as `act` does.
   *
   * @throws `rate_limited` when the address is still over the rate after the wait, `shutting_down` when the app stopped
   * meanwhile. In both cases nothing has been sent to the peer
   */
  begin<T>(address: string, act: () => T | Promise<T>): Promise<T>
  /**
   * Opens a session for a connection. Until it resolves the transport MUST hold back what the peer sends;
   * then it passes each frame to `session.receive`, says `session.alive()` for a sign of life of its own
   * kind, and calls `session.disconnected()` once, when the connection is gone, even if that was earlier.
   *
   * When it rejects, the peer has been told and the wire closed: the transport only forgets the connection.
   *
   * @throws the coded error of the hook that refused the peer; `handshake_timeout`, `shutting_down`
   */
  open(handshake: Handshake, wire: Wire): Promise<Session>
}

/** One connection, given by the transport to the app. */
export interface Wire {
  /**
   * Writes frames with as few system calls as it can. MUST keep their order, MUST NOT throw after close, and
   * MUST NOT keep the array.
   */
  write(frames: readonly Frame[]): void
  /** Bytes accepted and not yet handed to the kernel. */
  readonly buffered: number
  /** Whether the transport finds out by itself that a peer is dead: the session then does not ping. */
  readonly selfMonitored?: boolean
  /** Asks the peer for a sign of life, where the transport has a way that the peer's software answers by itself. */
  ping?(): void
  /**
   * Closes the connection once what was written has left, or after a limited time. Idempotent. Without an
   * error it is a normal close.
   */
  close(error?: RookeryError): void
  /** Drops the connection at once, with what is still buffered: the peer is dead or does not read. */
  terminate(): void
}

/** Where plugins add their transports. */
export interface Transports {
  add(transport: Transport): void
}

export const Transports = createToken<Transports>('Transports')
