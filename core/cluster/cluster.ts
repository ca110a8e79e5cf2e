import type { Event } from '../bus/event.ts'
import type { WireError } from '../protocol/errors.ts'
import { createToken } from '../util/token.ts'

/** A published message for clients of other nodes. */
export interface ClusterMessage {
  /** The topics of the event. A session that subscribes to one of them gets the message, once. */
  readonly topics: readonly string[]
  /** The topic that clients see. */
  readonly topic: string
  /** The payload as JSON, so that nodes need not parse it to deliver it. Undefined if there is no payload. */
  readonly payload: string | undefined
  /** Id of a session that does not get the message. */
  readonly except: string | null
  /** The plugin that handles the message at each node. Null: the sessions get the message. */
  readonly kind: string | null
  /** Data for that plugin. Plain JSON. */
  readonly note?: unknown
  /** Whether the message was to be kept, and the store was away. */
  readonly isUnkept?: boolean
}

/** A question to other nodes. */
export interface Question {
  /** `$node/<id>`, `$session/<node>/…`, or `$user/…` or `$room/…` for all nodes with sessions at that address. */
  readonly to: string
  readonly method: string
  /** Plain JSON, like the answers. */
  readonly payload?: unknown
  /** Milliseconds to wait for answers. @default 1000 */
  readonly timeout?: number | undefined
  /**
   * Whether `missing` must list every node that did not answer, also one that has lost its connection and may have
   * sessions at the address. Costs a round trip to every node. Without it, a node without sessions at the address MUST
   * NOT delay the answer.
   *
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
  /** Nodes that may be concerned and did not answer in time. */
  readonly missing: readonly string[]
}

/** `restored`: the node, or this node, was cut off for a shorter time than it takes to count as `left`. */
export type NodeChange = 'joined' | 'left' | 'restored'

/** The app, as the cluster backend sees it. All methods concern this node's own sessions and listeners. */
export interface ClusterHost {
  /** Delivers a message of another node, or of a publisher outside the cluster (`node` is null). */
  deliver(message: ClusterMessage, node: string | null): void
  /** Passes an event to this node's listeners: those of a group, or (null) those with the source `all`. */
  emit(event: Event, group: string | null): void
  /** Answers a question. A thrown error becomes the error of the answer, `internal` if it has no code. */
  answer(question: Question, node: string | null): unknown
  /** Tells that another node has joined, left or been restored. */
  changed(node: string, change: NodeChange): void
  /** Tells that this node has lost its connection to the cluster, with the cause, or has it again. */
  connection(connected: boolean, cause?: unknown): void
}

/**
 * Connects several nodes. The app delivers to its own sessions itself and never waits for the backend: the backend
 * concerns only the other nodes.
 */
export interface ClusterBackend {
  /** The id of this node, unique in the cluster: letters, digits and `_`. Session ids begin with it. */
  readonly node: string
  /** Whether the other nodes can be reached. */
  readonly connected: boolean
  /** Ids of the other nodes in the cluster. */
  readonly nodes: readonly string[]
  /** Whether there are never other nodes. */
  readonly isAlone?: boolean
  /** Milliseconds that `start` may take, instead of the app's `startTimeout`. */
  readonly startTimeout?: number | undefined
  /** Resolves when the other nodes are known. MUST reject soon if `stop` is called meanwhile. */
  start(host: ClusterHost): Promise<void>
  /** Takes no more events of other nodes. Resolves when `host.emit` has got the events that this node was chosen for. */
  drain(): Promise<void>
  /** MAY be called before `start`, during `start`, and twice. */
  stop(): Promise<void>
  /** Sends a message to other nodes. MUST keep the order of messages to each node, and MUST NOT throw. */
  publish(message: ClusterMessage): void
  /**
   * Sends an event to the listeners of other nodes that want it, and has one node of each group handle it, which may
   * be this node. Returns false if this node has to handle its groups itself, because it is cut off or the event
   * cannot be written as JSON. MUST NOT throw.
   */
  emit(event: Event): boolean
  /**
   * Asks other nodes. A node that fails does not make the call fail.
   *
   * @throws `cluster_unavailable` if there is no connection, or it is lost before all nodes have answered
   */
  ask(question: Question): Promise<Answers>
  /**
   * Counts a session or plugin of this node that wants the messages of a pattern (`wanted`), or no longer wants them.
   * Patterns may be addresses such as `$user/alice`. Called before `start`, too. MUST NOT throw.
   */
  interest(pattern: string, wanted: boolean): void
  /**
   * Resolves when messages that other nodes publish from then on arrive, for all patterns so far. Undefined if they
   * arrive already, or the node is cut off. MUST NOT reject, and MUST resolve within a few seconds.
   */
  settled(): Promise<void> | undefined
  /** Like `interest`, for a listener of this node: of a group, or for itself (null). Called after `stop`, too. */
  listen(pattern: string, group: string | null, wanted: boolean): void
}

export const Cluster = createToken<ClusterBackend>('Cluster')
