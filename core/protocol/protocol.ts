import type { RookeryError, WireError } from './errors.ts'

/** Version of the wire protocol. `welcome` carries it. */
export const PROTOCOL_VERSION = 1

/**
 * Where a subscription begins: after a cursor, with the oldest message that is kept (`'earliest'`), with the newest `last`
 * messages, or with the messages of the last `ago` milliseconds.
 */
export type Since = string | { readonly last: number } | { readonly ago: number }

/**
 * Why messages are missing.
 *
 * - `expired`: messages after the cursor are no longer kept
 * - `epoch`: the cursor belongs to another stream, such as one that has been deleted, or it is no cursor
 * - `ahead`: the stream has not come as far as the cursor, for example because it was restored from a backup
 * - `limit`: the replay would be longer than the server allows
 * - `unavailable`: the server keeps no messages, or its store cannot be reached
 */
export type GapReason = 'expired' | 'epoch' | 'ahead' | 'limit' | 'unavailable'

/** The user of a session. `app.send({ user })` addresses `id`. Plugins may add fields. */
export interface User {
  /** At most 255 bytes of UTF-8. */
  readonly id: string
  readonly name: string
  readonly [field: string]: unknown
}

/**
 * The contract of an untyped app or client: topics are strings, payloads are `unknown` unless the call states a type.
 */
export interface Untyped {
  // Optional, so that an app with a contract is also an `App`. `undefined` would exclude it.
  readonly user?: unknown
  readonly topics?: unknown
  readonly calls?: unknown
}

// ---- client to server

/** A message to a handler. With an `id` the client expects a reply. */
export interface SendFrame {
  readonly type?: undefined
  readonly topic: string
  readonly payload?: unknown
  readonly id?: number
}
/** Subscribes to patterns. Each pattern is accepted or refused for itself. */
export interface SubscribeFrame {
  readonly type: 'subscribe'
  readonly id?: number
  readonly topics: readonly string[]
  /** Replays the messages of the history from here on. */
  readonly since?: Since
}
export interface UnsubscribeFrame {
  readonly type: 'unsubscribe'
  readonly id?: number
  readonly topics: readonly string[]
}
/** A new token. */
export interface AuthFrame {
  readonly type: 'auth'
  readonly id?: number
  readonly token: string
}
export interface PongFrame {
  readonly type: 'pong'
  readonly id?: undefined
}
export type ClientFrame = SendFrame | SubscribeFrame | UnsubscribeFrame | AuthFrame | PongFrame

// ---- server to client

/** The first frame of every session. */
export interface WelcomeFrame {
  readonly type: 'welcome'
  readonly protocol: number
  readonly session: string
  /**
   * Proves that a later connection belongs to the client of this session: `previous=<secret>` in its handshake replaces
   * the session.
   */
  readonly secret: string
  readonly user: User | null
  /** Hash of the contract of the app, if it has one. */
  readonly contract?: string
  /** Milliseconds between two pings. A client that receives nothing for longer has lost its server. */
  readonly pingInterval: number
  /** Largest frame that the server accepts, in bytes. A larger frame ends the session. */
  readonly maxPayload: number
  /** Frames a second, and frames at once, that the server accepts. Every frame of the client counts. */
  readonly messageRate?: number
  readonly messageBurst?: number
  /** Bytes a second, and bytes at once, that the server accepts. */
  readonly byteRate?: number
  readonly byteBurst?: number
  /** Position of the session in the history, if the server has one. */
  readonly cursor?: string
  /** The server keeps what it sends to the user: `subscribe` to `$inbox` with `since` replays it. */
  readonly inbox?: true
}
/** A published message. It has all `topics` of its event, unless the only one is `topic`. */
export interface MessageFrame {
  readonly type?: undefined
  readonly topic: string
  readonly payload?: unknown
  readonly topics?: readonly string[]
  /** Position of the message in the history, if the topic has one. It covers all subscriptions of the session. */
  readonly cursor?: string
  /** The message belongs to a replay: to the subscriptions of the last reply before it. */
  readonly replayed?: true
  /** false: the message was to be kept, but the store was away. */
  readonly kept?: false
}
export interface ReplyFrame {
  readonly type: 'reply'
  readonly id: number
  readonly payload?: unknown
  readonly error?: WireError
}
/** The payload of the reply to `subscribe`. A frame with one pattern is refused with the error of the reply instead. */
export interface SubscribeReply {
  /** The accepted patterns. */
  readonly topics: readonly string[]
  /** The refused patterns, if there are any. */
  readonly refused?: readonly { readonly topic: string; readonly error: WireError }[]
  /** Position of the session in the history. Absent if a replay follows, whose end has it. */
  readonly cursor?: string
}
/** Ends the replay of a `subscribe` frame with `since`. It follows each such frame of which a pattern was accepted. */
export interface ReplayedFrame {
  readonly type: 'replayed'
  /** Of the `subscribe` frame. */
  readonly id?: number
  /** Whether the client has got all messages since then. */
  readonly recovered: boolean
  /** Why not. */
  readonly reason?: GapReason
  /** Patterns of the request of which the server keeps no topic: messages of these may be missing all the same. */
  readonly unkept?: readonly string[]
  /** Position of the session. Absent if the server has no history, or the store has not been reached yet. */
  readonly cursor?: string
}
export interface PingFrame {
  readonly type: 'ping'
  /** Position of the session in the history. */
  readonly cursor?: string
}
/** Asks for a new token. The current one expires in `expiresIn` milliseconds. */
interface TokenFrame {
  readonly type: 'auth'
  readonly expiresIn: number
}
/** Tells that the server has removed subscriptions. */
export interface UnsubscribedFrame {
  readonly type: 'unsubscribed'
  readonly topics: readonly string[]
  readonly error: WireError
}
/** The error of a frame without an id. */
export interface ErrorFrame {
  readonly type: 'error'
  readonly error: WireError
}
/** The last frame before the server closes. `reconnectAfter` is in milliseconds; null means: do not reconnect. */
export interface CloseFrame {
  readonly type: 'close'
  readonly error: WireError
  readonly reconnectAfter: number | null
}
export type ServerFrame =
  | WelcomeFrame
  | MessageFrame
  | ReplyFrame
  | ReplayedFrame
  | PingFrame
  | TokenFrame
  | UnsubscribedFrame
  | ErrorFrame
  | CloseFrame

/** Replaces an invalid frame of a client: the error, and the id of the frame if it had one. */
export interface InvalidFrame {
  readonly type: 'invalid'
  readonly id?: number
  readonly error: RookeryError
}
