import type { FairQueue } from '../admission/fair-queue.ts'
import type { RookeryError } from '../protocol/errors.ts'
import type { Frame } from '../protocol/frame.ts'
import type { Since, User } from '../protocol/protocol.ts'
import { createToken } from '../util/token.ts'
import type { Limits } from './limits.ts'
import type { PeerSession } from './session.ts'

/**
 * A way for clients to connect. A plugin adds it to `Transports` in its `setup`. The app starts transports after all
 * plugins and stops them before all plugins.
 */
export interface Transport {
  /** Names the transport in the log and to hooks, such as `websocket`. */
  readonly name: string
  /** Starts to accept connections. Passes each to `host.open`. */
  start(host: TransportHost): Promise<void>
  /**
   * Stops accepting connections. Resolves when no connection is left. The app has closed every session before. The
   * transport MUST give the last bytes a limited time to leave, and MUST NOT leave a socket or timer open.
   */
  stop(): Promise<void>
}

/** What a transport knows of a peer before it opens a session. */
export interface Handshake {
  /** Name of the transport. */
  readonly transport: string
  /** The peer's network address. */
  readonly address: string
  /** Header names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly query: URLSearchParams
  /** Patterns that the peer subscribes to as it connects. An invalid or forbidden pattern refuses the peer. */
  readonly topics?: readonly string[]
  /** Where the replay of these patterns begins. Without it, there is no replay. */
  readonly since?: Since
  /** A token that the peer has sent in the transport's own way, such as Socket.IO's `auth.token`. */
  readonly token?: string
  /**
   * Waits for the token that the peer sends in its first frame, for transports whose peers cannot send one earlier.
   * Only an authenticate hook calls it. Later frames wait until the session is open.
   *
   * @throws `unauthenticated` if the first frame is not an `auth` frame
   */
  readonly firstToken?: () => Promise<string>
  /** The user, if the transport has authenticated the peer itself. The app does not ask the authenticate hooks then. */
  readonly user?: User
}

/** The app, as transports see it. The token is for tests, which open sessions without a transport. */
export interface TransportHost {
  /** A transport MUST refuse frames larger than `limits.maxPayload`, and SHOULD do so before it has read them. */
  readonly limits: Limits
  /**
   * Shares the event loop among peers. `session.receive` uses it. A transport that can leave bytes unread SHOULD read
   * each connection in small pieces, in a flow of its own, so that a flood of one peer does not delay the others.
   */
  readonly fairQueue: FairQueue
  /**
   * Calls `act`, which begins a handshake: now, or about 500 ms later if the address is over the handshake rate. A
   * transport SHOULD call this before it does any work for the peer. The promise settles as `act` does.
   *
   * @throws `rate_limited` if the address is still over the rate after the wait, `shutting_down` if the app has
   *   stopped meanwhile. In both cases nothing has been sent to the peer
   */
  begin<T>(address: string, act: () => T | Promise<T>): Promise<T>
  /**
   * Opens a session for a connection. Until the promise resolves, the transport MUST hold back the frames of the
   * peer. Then the transport passes each frame to `session.receive`, calls `session.alive()` for each sign of life of
   * its own kind, and calls `session.disconnected()` once when the connection is gone, also if that was before the
   * promise resolved.
   *
   * If it rejects, the peer has been told and the wire is closed. The transport only has to forget the connection.
   *
   * @throws the coded error of the hook that refused the peer, `internal` for an error without a public code;
   *   `too_many_connections`, `rate_limited`, `handshake_timeout`, `shutting_down`, `disconnected`; for its topics
   *   `invalid_pattern`, `reserved_topic`, `too_many_subscriptions`, `forbidden`
   */
  open(handshake: Handshake, wire: Wire): Promise<PeerSession>
  /**
   * Returns the node that owns a session, which may have ended, for a transport whose requests name sessions. Checks
   * the signature of the id: a transport MUST NOT send an id to another node before. A forged id takes a handshake of
   * the address.
   *
   * @throws `unknown_session` if no node of the cluster has given the id, `rate_limited` instead if the address is over
   *   the handshake rate; `cluster_unavailable`, `node_unreachable`
   */
  ownerOf(session: string, address: string): Promise<string>
  /** Counts a refusal outside of a handshake and of a session, such as of a request that names a session. */
  count(error: RookeryError): void
}

/** One connection, given by the transport to the app. */
export interface Wire {
  /** Writes frames with few system calls. MUST keep their order, MUST NOT throw after close nor keep the array. */
  write(frames: readonly Frame[]): void
  /** Bytes accepted and not yet passed to the kernel. */
  readonly buffered: number
  /** Whether the transport detects a dead peer by itself. Then pings are not answered, and only carry positions. */
  readonly selfMonitored?: boolean
  /** Sends a ping of the transport's own, such as a WebSocket ping, which the peer's software answers by itself. */
  ping?(): void
  /**
   * Closes the connection when all written frames have left, or after a limited time. Idempotent. Without an error it
   * is a normal close.
   */
  close(error?: RookeryError): void
  /** Drops the connection and its buffered bytes at once, because the peer is dead or does not read. */
  terminate(): void
}

/** The list to which plugins add their transports. */
export interface Transports {
  add(transport: Transport): void
}

export const Transports = createToken<Transports>('Transports')
export const TransportHost = createToken<TransportHost>('TransportHost')
