import type { NodeChange } from '../../core/cluster/cluster.ts'
import { ListenerLists, type ListenerTarget } from './listener-lists.ts'
import { HEARTBEAT_INTERVAL_MS, LiveNodes } from './live-nodes.ts'
import type { ListenerChange, ListenerPage, OwnListeners } from './own-listeners.ts'

/** Time without a further answer after which all nodes are taken to have answered. */
const DISCOVERY_QUIET_MS = 200
/** Longest time that a start waits for the answers of nodes that other nodes have named. */
const DISCOVERY_LIMIT_MS = 2000

/** A message by which nodes tell each other about themselves. Its fields are part of the protocol between nodes. */
export type MembershipMessage =
  /** Asks all nodes, or the node `to`, to answer `here`. `state` is the last page of the node's listeners. */
  | {
      readonly kind: 'hello'
      readonly to?: string
      readonly restored?: boolean
      readonly state?: ListenerPage
    }
  | { readonly kind: 'here'; readonly state: ListenerPage; readonly nodes: readonly string[] }
  /** Another page, sent before the last one. */
  | { readonly kind: 'state'; readonly state: ListenerPage }
  | ({ readonly kind: 'change' } & ListenerChange)
  | { readonly kind: 'beat'; readonly revision: number }
  | { readonly kind: 'bye' }

/** The parts of the node that membership needs. */
export interface MembershipHost {
  readonly node: string
  /** The listeners of this node. */
  readonly own: OwnListeners
  /** The listeners of the other nodes. */
  readonly others: ListenerTarget
  /** Sends to all nodes. */
  broadcast(message: MembershipMessage, reply?: string): unknown
  /** Sends to the node that waits at a reply subject. */
  reply(subject: string, message: MembershipMessage): unknown
  /** Returns the subject for answers to `hello`. Answers to a `hello` after an interruption get one of their own. */
  replySubject(restored: boolean): string
  nodeChanged(node: string, change: NodeChange): void
}

/** Finds the other nodes, and keeps the list of nodes and their states up to date. */
export class Membership {
  readonly #host: MembershipHost
  readonly #liveNodes: LiveNodes
  readonly #lists: ListenerLists
  /** Nodes that another node has named, until they answer. */
  readonly #named = new Set<string>()
  /** Nodes that were known when the connection was lost, until they answer. */
  readonly #interrupted = new Set<string>()
  #heartbeats: NodeJS.Timeout | undefined
  /** Called with each answer to `hello`. */
  #onAnswer = (): void => {}

  constructor(host: MembershipHost) {
    this.#host = host
    this.#lists = new ListenerLists(host.others)
    this.#liveNodes = new LiveNodes((node, change) => {
      if (change === 'left') {
        this.#lists.remove(node)
        this.#interrupted.delete(node)
      }
      host.nodeChanged(node, change)
    })
  }

  get nodes(): readonly string[] {
    return this.#liveNodes.nodes
  }

  /** Starts the heartbeats. Resolves when the other nodes have answered. */
  async start(): Promise<void> {
    // The first sweep is the reference by which later ones see that this process was suspended.
    this.#liveNodes.sweep(performance.now())
    this.#heartbeats = setInterval(() => {
      this.#liveNodes.sweep(performance.now())
      this.#host.broadcast({ kind: 'beat', revision: this.#host.own.revision })
    }, HEARTBEAT_INTERVAL_MS)
    const { promise, stop } = this.#discovery()
    this.#sendHello(false)
    await promise
    stop()
  }

  /** Tells the other nodes that this one leaves. Idempotent. */
  stop(): void {
    if (this.#heartbeats) this.#host.broadcast({ kind: 'bye' })
    clearInterval(this.#heartbeats)
    this.#heartbeats = undefined
    this.#onAnswer()
  }

  /** Tells the other nodes that the connection is restored, because they may not have noticed the interruption. */
  connectionRestored(): void {
    for (const node of this.#liveNodes.nodes) this.#interrupted.add(node)
    this.#sendHello(true)
  }

  /** Tells the other nodes how the listeners of this node have changed. */
  announceChanges(): void {
    const { own, broadcast } = this.#host
    for (const change of own.takeChanges()) if (this.#heartbeats) broadcast({ kind: 'change', ...change })
  }

  /** Takes a message of another node. */
  received(node: string, message: MembershipMessage, reply: string | undefined): void {
    if (message.kind === 'bye') {
      this.#liveNodes.leave(node)
      return
    }
    const known = this.#liveNodes.has(node)
    this.#liveNodes.heartbeat(node, performance.now())
    if (message.kind === 'beat') {
      if (this.#lists.revision(node) !== message.revision) this.#sendHello(false, node)
    } else if (message.kind === 'change') {
      this.#lists.change(node, message)
    } else if (message.state) {
      this.#lists.page(node, message.state)
    }
    if (message.kind === 'hello') {
      // If both nodes were interrupted, both send this, so that each of them reports the other as restored.
      if (known && message.restored) {
        this.#interrupted.delete(node)
        this.#liveNodes.restored(node)
      }
      if (reply && (message.to === undefined || message.to === this.#host.node)) {
        const last = this.#sendPages((page) => this.#host.reply(reply, page))
        this.#host.reply(reply, { kind: 'here', state: last, nodes: this.nodes })
      }
    }
    if (message.kind === 'here') this.#answered(node, message.nodes)
  }

  /** Takes the answer of a node to the `hello` after an interruption. */
  restoredAnswer(node: string): void {
    if (this.#interrupted.delete(node)) this.#liveNodes.restored(node)
  }

  #sendHello(restored: boolean, to?: string): void {
    const { broadcast, replySubject } = this.#host
    // A node that is asked alone learns of a lost change by the heartbeats.
    const about = to === undefined ? { state: this.#sendPages(broadcast) } : { to }
    broadcast({ kind: 'hello', restored, ...about }, replySubject(restored))
  }

  /** Sends the pages of this node's listeners. Returns the last one, which goes with another message. */
  #sendPages(send: (message: MembershipMessage) => void): ListenerPage {
    this.announceChanges()
    const pages = this.#host.own.pages()
    for (const state of pages.slice(0, -1)) send({ kind: 'state', state })
    return pages.at(-1) as ListenerPage
  }

  #answered(node: string, others: readonly string[]): void {
    this.#named.delete(node)
    for (const other of others) {
      if (other !== this.#host.node && !this.#liveNodes.has(other)) this.#named.add(other)
    }
    this.#onAnswer()
  }

  /** Waits until answers stop arriving and all named nodes have answered, at most for the limit. */
  #discovery(): { readonly promise: Promise<void>; readonly stop: () => void } {
    let quiet: NodeJS.Timeout | undefined
    let resolve = (): void => {}
    const promise = new Promise<void>((done) => {
      resolve = done
    })
    const end = () => {
      if (this.#named.size === 0 || !this.#heartbeats) resolve()
    }
    const limit = setTimeout(resolve, DISCOVERY_LIMIT_MS)
    this.#onAnswer = () => {
      clearTimeout(quiet)
      quiet = setTimeout(end, this.#heartbeats ? DISCOVERY_QUIET_MS : 0)
    }
    this.#onAnswer()
    const stop = () => {
      clearTimeout(limit)
      clearTimeout(quiet)
      this.#onAnswer = () => {}
      this.#named.clear()
    }
    return { promise, stop }
  }
}
