import type { Event } from '../bus/event.ts'
import type { WireError } from '../protocol/errors.ts'
import { createToken } from '../util/token.ts'

/** A message on its way to clients of other nodes. */
export interface ClusterMessage {
  /** Sessions that subscribe to one of them get the message, each once. */
  readonly topics: readonly string[]
  /** The topic that clients see. */
  readonly topic: string
  /** The payload as JSON, so that nodes which only pass it on need not parse it; undefined when there is none. */
  readonly payload: string | undefined
  /** Id of a session that does not get the message. */
  readonly except: string | null
  /** Names the plugin that decides at each node what becomes of the message; null: sessions get it. */
  readonly kind: string | null
  /** What that plugin's other half needs to know. Plain JSON. */
  readonly note?: unknown
}

/** A question to other nodes. */
export interface Question {
  /** `$node/<id>` for one node; `$user/…`, `$room/…` or `$session/…` for all that have sessions there. */
  readonly to: string
  readonly method: string
  /** Plain JSON, as are the answers. */
  readonly payload?: unknown
  /** Milliseconds to wait for answers. @default 1000 */
  readonly timeout?: number | undefined
  /**
   * Whether `missing` must be right even when nobody answers: costs a round trip to every node.
   * @default false
   */
  readonly thorough?: boolean | undefined
}

export interface Answer {
  readonly node: string
  readonly value?: unknown
  readonly error?: WireError
}

export interface Answers {
  readonly items: readonly Answer[]
  /** Nodes that did not answer in time and may have had something to say. */
  readonly missing: readonly string[]
}

/** `restored`: the node, or this one, was cut off for so short a time that nobody missed it. */
export type NodeChange = 'joined' | 'left' | 'restored'

/** The app, as its cluster backend sees it. All of it concerns this node's own sessions and listeners. */
export interface ClusterHost {
  /** Delivers a message of another node, or of whoever else publishes to the cluster (`node` is null). */
  deliver(message: ClusterMessage, node: string | null): void
  /** Hands an event to this node's listeners: those of a group, or those with scope `all` (`group` is null). */
  emit(event: Event, group: string | null): void
  /** Answers a question. What it throws or rejects with becomes the answer's error: `internal` when it has no code. */
  answer(question: Question, node: string | null): unknown
  /** Tells that a node has come, gone or come back. */
  changed(node: string, change: NodeChange): void
  /** Tells that this node has lost the cluster, and why, or has it back. */
  connection(connected: boolean, cause?: unknown): void
}

/**
 * Joins several nodes. The app delivers locally by itself and never waits for the backend to do so: the
 * backend only concerns the other nodes.
 */
export interface ClusterBackend {
  /** This node's id, unique in the cluster, of letters, digits and `_`. Session ids begin with it. */
  readonly node: string
  /** Whether other nodes can be reached. */
  readonly connected: boolean
  /** The other nodes that are there. */
  readonly nodes: readonly string[]
  /** Milliseconds that `start` may take, instead of the app's `startTimeout`. */
  readonly startTimeout?: number | undefined
  /** Resolves when the other nodes are known. MUST reject soon when `stop` is called meanwhile. */
  start(host: ClusterHost): Promise<void>
  /** MAY be called before `start`, while it is under way, and twice. */
  stop(): Promise<void>
  /** Passes a message on. MUST keep the order of this node's messages to each other node, and MUST NOT throw. */
  publish(message: ClusterMessage): void
  /**
   * Passes an event on to listeners of other nodes that want it, and has one node of each group handle it, which
   * may be this one. Returns false when groups are this node's own affair, as when it is cut off or the event cannot
   * be written as JSON. MUST NOT throw.
   */
  emit(event: Event): boolean
  /**
   * Puts a question to other nodes and never fails because one of them does.
   *
   * @throws `cluster_unavailable` when there is no connection, or it is lost before all have answered
   */
  ask(question: Question): Promise<Answers>
  /**
   * Tells that one more of this node's sessions or plugins wants a pattern, or one less. Patterns may be
   * addresses such as `$user/alice`. MUST NOT throw.
   */
  interest(pattern: string, wanted: boolean): void
  /** Tells that one more of this node's listeners, or one less, wants a pattern: for a group, or for itself (null). */
  listen(pattern: string, group: string | null, wanted: boolean): void
}

export const Cluster = createToken<ClusterBackend>('Cluster')
