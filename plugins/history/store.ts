import type { KeptMessage, LogLimits } from './message-log.ts'

/** A message to be kept. */
export type NewMessage = Omit<KeptMessage, 'seq' | 'time'>

/** The node, as its store sees it. */
export interface HistoryStoreHost {
  /** Bounds of the stream. */
  readonly limits: LogLimits
  /**
   * Takes a stored message. The store MUST call it once for each message that any node has stored since `start`, in the order of
   * the numbers. It MUST NOT call it inside `append`.
   */
  deliver(message: KeptMessage): void
  /** Tells whether the store can be used. It MUST be called with each change. */
  available(isAvailable: boolean, cause?: unknown): void
}

export interface ReadRange {
  /** Messages with a higher number than this. */
  readonly after: number
  /** Messages up to this number. */
  readonly upTo: number
  /** Most messages to return. */
  readonly limit: number
}

/** Keeps the messages of a stream. All nodes of an app use the same stream. */
export interface HistoryStore {
  /** Changes when the stream is created anew. Never empty after `start`. */
  readonly epoch: string
  /** 16 random bytes that belong to the stream, the same at every node. */
  readonly key: Buffer
  /** Number of the last message that the host has got. */
  readonly delivered: number
  /** Opens the stream, or creates it. @throws `history_unavailable` */
  start(host: HistoryStoreHost): Promise<void>
  /** Idempotent. `append` and the reads reject from now on. */
  stop(): Promise<void>
  /**
   * Stores a message. Resolves with its number when it is stored.
   *
   * @param id the store MUST NOT store a second message with the id of one that was stored within the last two minutes, and
   *   resolves with the number of the earlier one
   * @throws `history_unavailable` if the message is not stored, or if that is unknown
   */
  append(message: NewMessage, id?: string): Promise<number>
  /** Number of the oldest message that is kept; one more than that of the newest if none is. @throws `history_unavailable` */
  first(): Promise<number>
  /** Number of the last message before a time, in milliseconds since 1970. @throws `history_unavailable` */
  before(time: number): Promise<number>
  /**
   * Returns the oldest messages of a range of which one of the topics matches one of the patterns, in order.
   *
   * @throws `history_unavailable`
   */
  read(patterns: readonly string[], range: ReadRange): Promise<readonly KeptMessage[]>
  /** Returns the newest messages up to a number that match, in order. @throws `history_unavailable` */
  readLast(patterns: readonly string[], count: number, upTo: number): Promise<readonly KeptMessage[]>
}
