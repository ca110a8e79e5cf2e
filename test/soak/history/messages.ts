/** What the history soak and its nodes tell each other. Plain JSON. */

/** The payload of every message. */
export interface Kept {
  readonly node: string
  /** Counts the messages of this node from 1. */
  readonly n: number
}

/** A message of the stream, and its cursor. */
export interface StoredMessage {
  readonly topic: string
  readonly payload: Kept
  readonly cursor: string
}

/** A question of the soak to a node. */
export type HistoryAsk =
  /** Begin to publish. */
  | { readonly ask: 'begin' }
  /** The node's id, the nodes that it knows, and whether its history is available. */
  | { readonly ask: 'look' }
  /** A page of the stream, as `StoredMessage[]`. */
  | { readonly ask: 'read'; readonly since: string }
  /** Stop publishing. Answers when the history has confirmed all messages. */
  | { readonly ask: 'end' }

const SIDE = 6
const segments = Array.from({ length: SIDE }, (_, index) => index)

/** Topics on which every node publishes. */
export const TOPICS: readonly string[] = segments.flatMap((a) => segments.map((b) => `kept/${a}/${b}`))
/** Patterns that match six topics. */
export const WILDCARDS: readonly string[] = segments.flatMap((s) => [`kept/${s}/*`, `kept/*/${s}`])
/** The pattern that matches all topics. */
export const ALL = 'kept/*'
/** Messages of one page of the stream. */
export const PAGE = 1_000
