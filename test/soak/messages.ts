/** What the soak and its nodes tell each other. Plain JSON. */

/** The payload of every message that a node publishes or sends. Times are in milliseconds, as of `Date.now()`. */
export interface Numbered {
  readonly node: string
  /** Counts the messages of this node on this topic from 1. */
  readonly n: number
  /** When the node published the message. */
  readonly at: number
  /** The number of the latest earlier message that the receiver must have got, and when the node published it. */
  readonly after: number
  readonly afterAt: number
}

/** Topics on which every node publishes. */
export const TOPICS: readonly string[] = ['count/a', 'count/b', 'count/c/d']
export const ROOMS: readonly string[] = ['red', 'green', 'blue']
/** The topic of the messages in a room, on which every node publishes, too. */
export const roomTopic = (room: string): string => `rooms/${room}/messages`

/** One session of a node. */
export interface SessionView {
  readonly id: string
  readonly user: string
  readonly rooms: readonly string[]
  readonly subscriptions: readonly string[]
  /** The id of the session's token, and the second in which it was issued. */
  readonly jti: string
  readonly iat: number
}

/** What a node sees. */
export interface NodeView {
  readonly node: string
  readonly nodes: readonly string[]
  readonly connected: boolean
  readonly sessions: readonly SessionView[]
  /** For each of `ROOMS`, the ids of its members, and the nodes that did not answer. */
  readonly members: Readonly<
    Record<string, { readonly ids: readonly string[]; readonly missing: readonly string[] }>
  >
  /** Rooms with members on this node. */
  readonly list: readonly string[]
  /** Number of the latest message that the node has published, by topic. */
  readonly published: Readonly<Record<string, number>>
  /** Number of the latest event that the node has published for the group of workers. */
  readonly jobs: number
  /** Sockets, timers and other resources that keep the process alive, by kind. */
  readonly resources: Readonly<Record<string, number>>
}

/** A question of the soak to a node. */
export type Ask =
  /** Begin to publish. */
  | { readonly ask: 'begin'; readonly users: readonly string[] }
  | { readonly ask: 'look' }
  /** Publish one message. The answer is the message. */
  | { readonly ask: 'publish'; readonly topic: string }
  /** Revoke tokens. The answer has the nodes that did not answer. */
  | { readonly ask: 'revoke'; readonly target: { user: string } | { session: string } | { tokenId: string } }
  /** Stop publishing. */
  | { readonly ask: 'end' }

/** What a node tells without being asked, and its answers. */
export type Told =
  /** A handler has begun to handle a call. */
  | { readonly tell: 'call'; readonly number: number }
  /** A listener of the group of workers has got an event. */
  | { readonly tell: 'job'; readonly job: Numbered }
  /** The node stops in order. `published` as in `NodeView`, and when it published these messages. */
  | {
      readonly tell: 'stopping'
      readonly published: Readonly<Record<string, { readonly n: number; readonly at: number }>>
      readonly jobs: number
    }
  /** The history has confirmed a message. */
  | { readonly tell: 'stored'; readonly node: string; readonly n: number }
  | { readonly tell: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string }
