import type { Frame } from '../protocol/frame.ts'
import type { GapReason, Since } from '../protocol/protocol.ts'
import { createToken } from '../util/token.ts'
import type { KeptMessage, NewMessage, ReadRange } from './store.ts'

/** Which messages to read. One of `last`, `since` and `before`. */
export interface ReadOptions {
  /** The newest messages: at most this many. */
  readonly last?: number
  /** The messages after a cursor, from the oldest; or `'earliest'`. */
  readonly since?: string
  /** The messages before a cursor: the newest `limit` of them. */
  readonly before?: string
  /** Most messages of the page. @default 100 */
  readonly limit?: number
}

/** A message, as `read` returns it. */
export interface HistoryMessage<P = unknown> {
  readonly topic: string
  readonly payload: P
  /** All topics of the event. Absent if the only one is `topic`. */
  readonly topics?: readonly string[]
  readonly cursor: string
  /** When it was stored, in milliseconds since 1970. */
  readonly time: number
}

/** The messages that the app keeps. */
export interface History {
  /**
   * Reads a page of the messages that match a pattern, in the order of publishing. Asks no authorizer.
   *
   * @throws `history_unavailable`; `invalid_cursor` for a cursor of another stream or of messages that are gone;
   *   `invalid_pattern`, `invalid_option`
   * @example const newest = await app.history.read('rooms/42/*', { last: 50 })
   * @example const older = await app.history.read('rooms/42/*', { before: newest[0].cursor, limit: 50 })
   */
  read<P = unknown>(pattern: string, options: ReadOptions): Promise<readonly HistoryMessage<P>[]>
}

/** Where a replay begins: after a number. Or why it cannot begin. */
export type ReplayStart = { readonly after: number } | { readonly reason: GapReason }

/** The history, as the engine and the sessions see it. */
export interface KeptStream {
  /** Number of the last message that the stream has passed to `KeptStreamHost.deliver`, or that was stored before the start. */
  readonly delivered: number
  /** Most messages of one replay. */
  readonly maxReplay: number
  /** Whether the messages of an event with these topics are kept. */
  keeps(topics: readonly string[]): boolean
  /** Whether the messages of some topic of a pattern are kept. */
  covers(pattern: string): boolean
  /** Whether messages to users are kept, with the address of the user as their topic. */
  readonly keepsUsers: boolean
  /** Tells the engine of stored messages. Called once, before the start. */
  connect(host: KeptStreamHost): void
  /**
   * Stores a message. Resolves when it is stored, with true. With the option `whenUnavailable: 'deliver'`, resolves with false if
   * the store is away: the engine then delivers the message without keeping it.
   *
   * @throws `history_unavailable`
   */
  append(message: NewMessage, id?: string): Promise<boolean>
  /** The cursor of a number. Undefined until the stream is known. */
  cursorOf(seq: number): string | undefined
  /** Signs a text. Every node gives the same text the same signature. Undefined until the stream is known. */
  sign(text: string): string | undefined
  /**
   * Finds where a replay up to a number begins. Never rejects.
   *
   * @param hasEnded tells that the session does not wait any more: then the stream does not try again
   */
  find(since: Since, patterns: readonly string[], upTo: number, hasEnded: () => boolean): Promise<ReplayStart>
  /**
   * Resolves when the position of a cursor has been delivered, or after 2 s. Undefined if it has been, or is no cursor.
   *
   * @throws `history_unavailable` if it has not been, and the store is away: the client asks again, with its cursor
   */
  reach(since: Since): Promise<void> | undefined
  /** See `HistoryStore.read`, and `find` for `hasEnded`. @throws `history_unavailable` */
  readRange(
    patterns: readonly string[],
    range: ReadRange,
    hasEnded: () => boolean,
  ): Promise<readonly KeptMessage[] | undefined>
  /** The frame of a message. Sessions that replay the same message share it. */
  frameOf(message: KeptMessage, replayed: boolean): Frame
}

/** The engine, as the history sees it. */
export interface KeptStreamHost {
  /** Delivers a stored message to the sessions of this node, in the order of the numbers. */
  deliver(message: KeptMessage): void
  /** Tells the clients that messages are lost: the next one that is delivered does not follow the last one. */
  lost(reason: GapReason): void
}

export const History = createToken<History>('History', "history() from 'rookery/history'")
/** For the core: undefined in an app without `history()`. */
export const KeptStream = createToken<KeptStream | undefined>('KeptStream')
