import type { RookeryError } from '../protocol/errors.ts'
import type { Frame } from '../protocol/frame.ts'
import type { ClientFrame, InvalidFrame, User } from '../protocol/protocol.ts'

/** One connected peer, as applications see it. */
export interface Session {
  /** Unguessable. Begins with the id of the node that owns the session. Never show it to another client. */
  readonly id: string
  /** Name of the transport, such as `websocket`. */
  readonly transport: string
  /** The peer's network address. */
  readonly address: string
  /** Storage for the application's own values. Close hooks can still read it. */
  readonly data: Record<string, unknown>
  /** The user of the session with all fields, or null for an anonymous session. */
  readonly user: User | null
  /** Rooms that the session is in, in the order of joining. */
  readonly rooms: ReadonlySet<string>
  /**
   * The room that the session is in; undefined if it is in none.
   *
   * @throws `several_rooms` if the session is in several rooms: use `rooms`
   */
  readonly room: string | undefined
  /** Patterns whose messages the session receives, including patterns that the server added. */
  readonly subscriptions: readonly string[]
  readonly closed: boolean
  /**
   * For plugins: an id that a session shares with the sessions that it replaced, and with the session that stays open
   * beside it while the client changes its transport. Never show it to a client.
   */
  readonly client: string
  /** Aborts when the session closes. The reason is the error that closed it, or `disconnected`. */
  readonly signal: AbortSignal

  /**
   * Sends a message to this session alone, whether it subscribes to the topic or not. Does nothing after the session
   * has closed.
   *
   * @throws `invalid_topic`, `unserializable`
   * @example session.send('inbox/new', { count: 3 })
   */
  send(topic: string, payload?: unknown): void
  /**
   * Subscribes the session on the server's behalf: without asking the authorizers, beside `maxSubscriptions`, and
   * also to `$` topics. Does nothing after the session has closed.
   *
   * @throws `invalid_pattern`
   */
  subscribe(pattern: string): void
  /** Removes a subscription that the server added. A subscription of the client stays. */
  unsubscribe(pattern: string): void
  /**
   * Closes the session. Messages that were sent before still arrive, unless more than `maxBuffered` waits for the
   * client. Then the client is told the error, which also says whether the client may reconnect.
   *
   * @param error @default `session_closed`: the client does not reconnect
   */
  close(error?: RookeryError): void
  /**
   * Changes what is known of the session's user, for example after a new token. Checks the session's subscriptions
   * again, removes subscriptions that are no longer allowed, and tells the client.
   *
   * @throws `forbidden` if the session is anonymous or has another user; the error of a renew hook
   */
  renew(user: User): Promise<void>
}

/** A session, as its transport drives it. */
export interface PeerSession extends Session {
  /** The error that closed the session. Undefined while it is open, and when the peer left by itself. */
  readonly closeReason: RookeryError | undefined
  /**
   * Handles a frame of the peer. An invalid frame is answered with an error.
   *
   * @param frame the text of the frame, the parsed frame, or the error that the transport found
   * @param bytes size of the frame on the wire, which counts against `byteRate` @default the size of the text in
   *   UTF-8; 0 for a parsed frame
   */
  receive(frame: string | ClientFrame | InvalidFrame, bytes?: number): void
  /** Notes a sign of life in the transport's own way, such as a WebSocket pong. */
  alive(): void
  /** Stops the pings until the next `alive()` or frame: the connection is interrupted and may come back. */
  suspend(): void
  /** Tells that the connection is gone. Frames that came before are still handled. Idempotent. */
  disconnected(): void
  /** @internal Queues a frame for the peer. Does nothing after the session has closed. @throws `unserializable` */
  push(frame: Frame): void
}

/**
 * The part of a session's id that may be logged. The whole id is a secret: it admits to the uplink of server-sent
 * events.
 */
export const logId = ({ id }: { readonly id: string }): string => id.slice(0, id.indexOf('-') + 9)
