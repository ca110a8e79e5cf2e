import type { Logger } from '../util/logger.ts'
import { createToken } from '../util/token.ts'

/** A message of the history. */
export interface KeptMessage {
  /** Place in the stream. The numbers of a stream have no holes, and begin at 1. */
  readonly seq: number
  /** All topics of the event. */
  readonly topics: readonly string[]
  /** The topic that clients see. */
  readonly topic: string
  /** The payload as JSON. Undefined if there is none. */
  readonly payload: string | undefined
  /** `session.client` of the client that does not get the message, or null. */
  readonly except: string | null
  /** Milliseconds since 1970. Never less than that of the message before. */
  readonly time: number
}

/** A message to be kept. */
export type NewMessage = Omit<KeptMessage, 'seq' | 'time'>

/** Bounds of a stream. The oldest messages leave when one of them is exceeded. */
export interface HistoryLimits {
  readonly maxMessages: number
  /** Bytes of topics and payloads, with 200 bytes for each message. */
  readonly maxBytes: number
  /** Milliseconds. */
  readonly maxAge: number
}

/** The node, as its store sees it. */
export interface HistoryStoreHost {
  readonly limits: HistoryLimits
  readonly log: Logger
  /**
   * Takes a stored message. The store MUST call it once for each message that any node has stored since `start`, in the order of
   * the numbers, without a hole. It MUST NOT call it inside `append`.
   */
  deliver(message: KeptMessage): void
  /**
   * Tells that the next message does not follow the last one. MUST be called before it: with `expired` if messages between them
   * are no longer kept, with `epoch` if the stream has been created anew.
   */
  lost(reason: 'expired' | 'epoch'): void
  /** Tells whether the store can be used. MUST be called with each change; before the first call, the store cannot be used. */
  available(isAvailable: boolean, cause?: unknown): void
}

/** The messages to read: `after < seq <= upTo`. */
export interface ReadRange {
  readonly after: number
  readonly upTo: number
  /** Most messages to return. */
  readonly limit: number
}

/** Keeps the messages of one stream. All nodes of an app use the same stream. */
export interface HistoryStore {
  /** Changes when the stream is created anew. Empty only until the store is available for the first time. */
  readonly epoch: string
  /** 16 random bytes that belong to the stream, the same at every node. */
  readonly key: Buffer
  /** Number of the last message that the host has got, or that was stored before `start`. */
  readonly delivered: number
  /**
   * Opens the stream, or creates it. If its server is away, resolves all the same, and the store opens the stream later.
   *
   * @throws `history_unavailable` if the server cannot keep messages as it is configured
   */
  start(host: HistoryStoreHost): Promise<void>
  /** Idempotent. `append` and the reads reject from now on. */
  stop(): Promise<void>
  /**
   * Stores a message. Resolves with its number when it is stored.
   *
   * @param id the store MUST NOT store a second message with the id of one that was stored within the last two minutes (or
   *   `maxAge`, if that is shorter), and resolves with the number of the earlier one
   * @throws `history_unavailable` if the message is not stored, or if that is unknown; `payload_too_large`
   */
  append(message: NewMessage, id?: string): Promise<number>
  /** Number of the oldest message that is kept; one more than that of the newest if none is. @throws `history_unavailable` */
  first(): Promise<number>
  /** Number of the last message before a time, in milliseconds since 1970. @throws `history_unavailable` */
  before(time: number): Promise<number>
  /**
   * Returns the oldest messages of a range of which one of the topics matches one of the patterns, in order. Undefined if
   * messages of the range are no longer kept, whether they match or not.
   *
   * @throws `history_unavailable`
   */
  read(patterns: readonly string[], range: ReadRange): Promise<readonly KeptMessage[] | undefined>
  /** Returns the newest messages up to a number that match, in order. @throws `history_unavailable` */
  readLast(patterns: readonly string[], count: number, upTo: number): Promise<readonly KeptMessage[]>
}

/** Creates the store that all nodes share. A cluster plugin provides it. */
export type CreateHistoryStore = () => HistoryStore

export const SharedHistoryStore = createToken<CreateHistoryStore>(
  'SharedHistoryStore',
  "nats() from 'rookery/nats'",
)
