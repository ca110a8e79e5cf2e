import type { EventInit } from '../bus/event.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Logger } from '../util/logger.ts'
import type { Answers, ClusterBackend, ClusterMessage, NodeChange, Question } from './cluster.ts'

export type NodeChangeHook = (node: string, change: NodeChange) => void
/** Answers a question: with plain JSON, or a promise of it. Asked by a node, or from outside the cluster (null). */
export type Answerer = (payload: unknown, from: string | null, to: string) => unknown
/** Decides what becomes of a message of its kind. */
export type Taker = (message: ClusterMessage, from: string) => void

/** The nodes that act as one app. Without a cluster plugin there is one. */
export interface Nodes {
  /** This node's id. */
  readonly node: string
  /** Whether the other nodes can be reached. */
  readonly connected: boolean
  /** Ids of all nodes that are there, this one included, in order of their ids. */
  nodes(): readonly string[]
  /**
   * Adds a hook that is told when another node has `joined`, has `left`, or was cut off so briefly that nobody missed
   * it (`restored`); returns how to remove it.
   */
  onChange(hook: NodeChangeHook): () => void

  /** For plugins: asks one other node. @throws `node_unreachable`, `cluster_unavailable`, or what the node throws */
  askNode(node: string, method: string, payload?: unknown, timeout?: number): Promise<unknown>
  /** For plugins: asks all other nodes that have to do with an address. @throws `cluster_unavailable` */
  ask(question: Question): Promise<Answers>
  /** For plugins: answers questions of other nodes. @throws `invalid_option` when somebody else does */
  answer(method: string, answerer: Answerer): () => void
  /** For plugins: passes a message on to other nodes only. */
  publish(message: ClusterMessage): void
  /** For plugins: takes messages of a kind from other nodes. @throws `invalid_option` when somebody else does */
  take(kind: string, taker: Taker): () => void
  /** For plugins: delivers a message to this node's own sessions, and to nobody else. */
  deliver(message: ClusterMessage): void
  /**
   * For plugins: as `app.publish`, but the clients of other nodes get nothing: what they are to hear has been said by
   * `publish`. Listeners hear it as always.
   *
   * @throws `invalid_topic`, `unserializable`
   */
  publishHere(event: EventInit): void
}

/** How messages and events get to this node's own. */
interface Outlets {
  readonly deliver: (message: ClusterMessage) => void
  readonly publish: (event: EventInit) => void
}

/** Keeps what plugins have to say to the cluster, and the hooks around it. */
export class NodeRegistry implements Nodes {
  readonly #log: Logger
  readonly #own: Outlets
  readonly #hooks = new Set<NodeChangeHook>()
  readonly #answerers = new Map<string, Answerer>()
  readonly #takers = new Map<string, Taker>()
  #backend: ClusterBackend | undefined

  constructor(log: Logger, own: Outlets) {
    this.#log = log
    this.#own = own
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
    // A function of its own, so that the same hook may be added twice and removed once.
    const own: NodeChangeHook = (node, change) => hook(node, change)
    this.#hooks.add(own)
    return () => this.#hooks.delete(own)
  }

  async askNode(node: string, method: string, payload?: unknown, timeout?: number): Promise<unknown> {
    const { items } = await this.ask({ to: nodeAddress(node), method, payload, timeout })
    const answer = items[0]
    if (!answer) throw new RookeryError('node_unreachable', `Node ${node} did not answer`)
    if (answer.error) throw RookeryError.from(answer.error)
    return answer.value
  }

  async ask(question: Question): Promise<Answers> {
    return (await this.#backend?.ask(question)) ?? NOBODY
  }

  answer(method: string, answerer: Answerer): () => void {
    return addOnce(this.#answerers, method, answerer)
  }

  publish(message: ClusterMessage): void {
    this.#backend?.publish(message)
  }

  take(kind: string, taker: Taker): () => void {
    return addOnce(this.#takers, kind, taker)
  }

  deliver(message: ClusterMessage): void {
    this.#own.deliver(message)
  }

  publishHere(event: EventInit): void {
    this.#own.publish(event)
  }

  /** A message has come from elsewhere. */
  received(message: ClusterMessage, from: string | null): void {
    // Only nodes speak for a plugin's other half; of a plugin that this node does not have it has no use.
    if (message.kind === null) this.deliver(message)
    else if (from !== null) this.#takers.get(message.kind)?.(message, from)
  }

  /** @throws `unknown_topic` when nobody answers it */
  asked({ to, method, payload }: Question, from: string | null): unknown {
    const answerer = this.#answerers.get(method)
    if (!answerer) throw new RookeryError('unknown_topic', `This node cannot answer '${method}'`)
    return answerer(payload, from, to)
  }

  changed(node: string, change: NodeChange): void {
    this.#log.info({ node, change, nodes: this.nodes() }, 'the cluster has changed')
    for (const hook of this.#hooks) {
      try {
        hook(node, change)
      } catch (error) {
        this.#log.error({ err: error, node, change, stage: 'cluster' }, 'a cluster hook failed')
      }
    }
  }
}

/** The address at which one node is asked. */
export const nodeAddress = (node: string): string => `$node/${node}`

const NOBODY: Answers = { items: [], missing: [] }

const addOnce = <T>(map: Map<string, T>, name: string, value: T): (() => void) => {
  if (map.has(name)) throw new RookeryError('invalid_option', `'${name}' is answered by another plugin`)
  map.set(name, value)
  return () => map.delete(name)
}
