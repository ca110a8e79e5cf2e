import type { EventInit } from '../bus/event.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Logger } from '../util/logger.ts'
import type { Answers, ClusterBackend, ClusterMessage, NodeChange, Question } from './cluster.ts'

export type NodeChangeHook = (node: string, change: NodeChange) => void
/** Called when this node has lost its connection to the cluster (`false`), and when it has the connection again. */
export type ConnectionHook = (connected: boolean) => void
/**
 * Answers a question with plain JSON, or a promise of it. `from` is a node, or null for a question from outside the
 * cluster.
 */
export type Answerer = (payload: unknown, from: string | null, to: string) => unknown
/** Handles the messages of one kind from other nodes. */
export type MessageHook = (message: ClusterMessage, from: string) => void

/** The nodes that together form an app. Without a cluster plugin there is one. */
export interface Nodes {
  /** The id of this node. */
  readonly node: string
  /** Whether the other nodes can be reached. */
  readonly connected: boolean
  /** Returns the ids of all nodes, including this node, in alphabetical order. */
  nodes(): readonly string[]
  /**
   * Adds a hook that is called when another node has `joined` or `left`, or was cut off for a shorter time than it
   * takes to count as left (`restored`). Returns a function that removes the hook.
   */
  onChange(hook: NodeChangeHook): () => void
  /** For plugins: adds a hook for the connection of this node to the cluster. Returns a function that removes the hook. */
  onConnection(hook: ConnectionHook): () => void

  /**
   * For plugins: asks one node.
   *
   * @param timeout milliseconds @default 1000
   * @throws `node_unreachable`, `cluster_unavailable`, or the error of that node
   */
  askNode(node: string, method: string, payload?: unknown, timeout?: number): Promise<unknown>
  /** For plugins: asks all other nodes that an address concerns. @throws `cluster_unavailable` */
  ask(question: Question): Promise<Answers>
  /**
   * For plugins: answers the questions of a method. Returns a function that removes it.
   *
   * @throws `invalid_option` if another plugin does
   */
  answer(method: string, answerer: Answerer): () => void
  /** For plugins: sends a message to the other nodes only. */
  publish(message: ClusterMessage): void
  /**
   * For plugins: handles messages of a kind from other nodes. Returns a function that removes it.
   *
   * @throws `invalid_option` if another plugin does
   */
  onMessage(kind: string, hook: MessageHook): () => void
  /** For plugins: delivers a message to this node's sessions only. */
  deliver(message: ClusterMessage): void
  /**
   * For plugins: like `app.publish`, but clients of other nodes do not get the message, since the plugin has sent it
   * to the other nodes by `publish`. Listeners of all nodes get the event.
   *
   * @throws `invalid_topic`, `unserializable`
   */
  publishHere(event: EventInit): void
}

/** How messages and events reach this node's sessions and listeners. */
interface Outlets {
  readonly deliver: (message: ClusterMessage) => void
  readonly publish: (event: EventInit) => void
  /** Reports the error of a membership hook. */
  readonly failed: (error: unknown, fields: object) => void
}

/** Connects plugins with the cluster backend: questions, messages of their own kinds, and membership hooks. */
export class NodeRegistry implements Nodes {
  readonly #log: Logger
  readonly #outlets: Outlets
  readonly #hooks = new Set<NodeChangeHook>()
  readonly #connectionHooks = new Set<ConnectionHook>()
  readonly #answerers = new Map<string, Answerer>()
  readonly #messageHooks = new Map<string, MessageHook>()
  #backend: ClusterBackend | undefined

  constructor(log: Logger, outlets: Outlets) {
    this.#log = log
    this.#outlets = outlets
  }

  join(backend: ClusterBackend): void {
    this.#backend = backend
  }

  get node(): string {
    return this.#backend?.node ?? ''
  }

  get connected(): boolean {
    return this.#backend?.connected ?? true
  }

  nodes(): readonly string[] {
    return [this.node, ...(this.#backend?.nodes ?? [])].sort()
  }

  onChange(hook: NodeChangeHook): () => void {
    // A new function, so that the same hook may be added twice and removed once.
    const own: NodeChangeHook = (node, change) => hook(node, change)
    this.#hooks.add(own)
    return () => this.#hooks.delete(own)
  }

  onConnection(hook: ConnectionHook): () => void {
    const own: ConnectionHook = (connected) => hook(connected)
    this.#connectionHooks.add(own)
    return () => this.#connectionHooks.delete(own)
  }

  async askNode(node: string, method: string, payload?: unknown, timeout?: number): Promise<unknown> {
    const { items } = await this.ask({ to: nodeAddress(node), method, payload, timeout })
    const answer = items[0]
    if (!answer) throw new RookeryError('node_unreachable', `Node ${node} did not answer`)
    if (answer.error) throw RookeryError.from(answer.error)
    return answer.value
  }

  async ask(question: Question): Promise<Answers> {
    return (await this.#backend?.ask(question)) ?? NO_ANSWERS
  }

  answer(method: string, answerer: Answerer): () => void {
    return addOnce(this.#answerers, method, answerer)
  }

  publish(message: ClusterMessage): void {
    this.#backend?.publish(message)
  }

  onMessage(kind: string, hook: MessageHook): () => void {
    return addOnce(this.#messageHooks, kind, hook)
  }

  deliver(message: ClusterMessage): void {
    this.#outlets.deliver(message)
  }

  publishHere(event: EventInit): void {
    this.#outlets.publish(event)
  }

  /** Handles a message from another node, or from outside the cluster (null). */
  received(message: ClusterMessage, from: string | null): void {
    // Only nodes send messages of a plugin. If this node does not have the plugin, the message is ignored.
    if (message.kind === null) this.deliver(message)
    else if (from !== null) this.#messageHooks.get(message.kind)?.(message, from)
  }

  /** Answers a question. @throws `unknown_topic` if no plugin answers the method */
  asked({ to, method, payload }: Question, from: string | null): unknown {
    const answerer = this.#answerers.get(method)
    if (!answerer) throw new RookeryError('unknown_topic', `This node cannot answer '${method}'`)
    return answerer(payload, from, to)
  }

  /** Calls the membership hooks. */
  changed(node: string, change: NodeChange): void {
    this.#log.info({ node, change, nodes: this.nodes() }, 'the cluster has changed')
    this.#callAll(this.#hooks, (hook) => hook(node, change), { node, change })
  }

  /** Calls the connection hooks. */
  connection(connected: boolean): void {
    this.#callAll(this.#connectionHooks, (hook) => hook(connected), { connected })
  }

  #callAll<T>(hooks: Iterable<T>, call: (hook: T) => void, fields: object): void {
    for (const hook of hooks) {
      try {
        call(hook)
      } catch (error) {
        this.#outlets.failed(error, fields)
      }
    }
  }
}

/** The address of one node. */
export const nodeAddress = (node: string): string => `$node/${node}`

const NO_ANSWERS: Answers = { items: [], missing: [] }

const addOnce = <T>(map: Map<string, T>, name: string, value: T): (() => void) => {
  if (map.has(name)) throw new RookeryError('invalid_option', `'${name}' is handled by another plugin`)
  map.set(name, value)
  return () => {
    // A function that was added after the removal of this one stays.
    if (map.get(name) === value) map.delete(name)
  }
}
