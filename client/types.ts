import type { RookeryError } from '../core/protocol/errors.ts'
import type { Untyped, User } from '../core/protocol/protocol.ts'
import type { Listener, Subscription } from './messages/subscription.ts'

/**
 * - `idle`: `connect()` has not been called yet
 * - `connecting`: an attempt is under way
 * - `open`: the server has welcomed this client
 * - `waiting`: for the next attempt
 * - `closed`: by `close()`, or by a server that does not want it back
 */
export type ClientState = 'idle' | 'connecting' | 'open' | 'waiting' | 'closed'

/** What happens to a client, and what its listeners are called with. Times are in milliseconds. */
export interface ClientEvents {
  /**
   * Also `open` after `open`, when the client has moved to a better transport; and `connecting` after `connecting`, when
   * it tries the next one.
   *
   * `transport`: of the attempt or the connection. `error`: why it waits, is closed, or tries this transport.
   */
  state: [
    state: ClientState,
    detail: { readonly error?: RookeryError; readonly retryIn?: number; readonly transport?: string },
  ]
  /** The server has said welcome: a new session begins, after `close` or in place of the last one. */
  open: [connection: { readonly session: string; readonly user: User | null; readonly transport: string }]
  /** An open connection has ended. Attempts that fail show as `state`. */
  close: [
    end: { readonly error: RookeryError; readonly willReconnect: boolean; readonly retryIn: number | null },
  ]
  /** The server refused a frame or this client, or sent a frame that is wrong (`bad_frame`). */
  error: [error: RookeryError]
}

export interface CallOptions {
  /** Milliseconds until `call_timeout`, counted from the call, offline or not. @default `callTimeout` of the client */
  readonly timeout?: number
  /** Gives the call up with `aborted`. The server may have begun with it by then. */
  readonly signal?: AbortSignal
}

export interface SendOptions {
  /** Whether the message is worth nothing later, and so is dropped while there is no connection. @default false */
  readonly volatile?: boolean
}

/**
 * A connection to a Rookery server that restores itself and its subscriptions. In Node, a client that is
 * connecting, open or waiting keeps the process alive until `close()`.
 */
export interface Client<Contract = Untyped> {
  /** Never set: carries the type. */
  readonly '~contract'?: Contract
  readonly state: ClientState
  /** Id of the current session; null while not open. */
  readonly session: string | null
  /** Who the server takes this client for; null while not open, and for an anonymous one. */
  readonly user: User | null
  /** Name of the transport of the current attempt or connection; null when there is none. */
  readonly transport: string | null

  /** @returns a function that removes the listener */
  on<Name extends keyof ClientEvents>(
    event: Name,
    listener: (...args: ClientEvents[Name]) => void,
  ): () => void

  /**
   * Calls the listener with every message whose topic matches, once however many of its topics do.
   *
   * @throws `invalid_pattern`, `reserved_topic`, `client_closed`
   */
  subscribe<P = unknown>(pattern: string, listener: Listener<P>): Subscription

  /**
   * Sends a message and resolves with the handler's answer. Offline, it waits for the connection.
   *
   * Rejects with the handler's error, or with `call_timeout`, `aborted`, `disconnected` (the connection was
   * lost after sending: whether the handler ran is unknown, and nothing is sent twice), `queue_full`,
   * `client_closed`, `invalid_topic`, `reserved_topic`, `unserializable`, `payload_too_large`,
   * `invalid_option`.
   */
  call<R = unknown>(topic: string, payload?: unknown, options?: CallOptions): Promise<R>

  /**
   * Sends a message that wants no reply. Offline, it waits for the connection, or is dropped if it is
   * `volatile`; what the server then says is too large becomes an `error` event.
   *
   * @throws `queue_full`, `client_closed`, `invalid_topic`, `reserved_topic`, `unserializable`,
   * `payload_too_large`
   */
  send(topic: string, payload?: unknown, options?: SendOptions): void

  /**
   * Connects an idle or closed client, and one that waits without further wait; otherwise does nothing.
   * After a refusal by the server, the subscriptions of before are restored.
   */
  connect(): void

  /**
   * Sends what was handed over while open, then ends: calls reject with `client_closed`, subscriptions
   * are cancelled, and no timer, listener or socket is left. Idempotent.
   */
  close(): void
}
