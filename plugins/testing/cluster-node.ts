import type { App } from '../../core/app/app.ts'
import { createApp } from '../../core/app/create-app.ts'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import type { Event } from '../../core/bus/event.ts'
import type { SubscribeOptions, Subscription } from '../../core/bus/listener.ts'
import { Cluster, type ClusterBackend, type NodeChange } from '../../core/cluster/cluster.ts'
import { Transports } from '../../core/sessions/transport.ts'
import type { Logger } from '../../core/util/logger.ts'
import { type ClusterPeer, KIT_TOPICS, PeerTransport } from './cluster-peer.ts'

/** A listener of the bus that remembers what it hears. */
export interface Hearing {
  /** The events so far, without those of the kit. */
  readonly events: Event[]
  /** Their payloads. */
  readonly payloads: unknown[]
  readonly subscription: Subscription
}

/** One app of the cluster, and what it saw. */
export class ClusterNode {
  readonly app: App
  /** The node's backend. */
  readonly backend: ClusterBackend
  /** Whom the app saw come and go. */
  readonly changes: { readonly node: string; readonly change: NodeChange }[] = []
  /** What the app had to log as the backend's fault. */
  readonly errors: string[] = []
  readonly #peers = new PeerTransport()

  constructor(plugin: Plugin, timeout: number) {
    const peers = definePlugin({
      name: 'conformance',
      setup: (scope) => scope.get(Transports).add(this.#peers),
    })
    this.app = createApp({ stopTimeout: timeout, logger: this.#logger(), plugins: [plugin, peers] })
    this.backend = this.app.scope.get(Cluster)
    this.app.cluster.onChange((node, change) => void this.changes.push({ node, change }))
    this.app.sessions.onAuthenticate(({ query }) => {
      const id = query.get('user')
      return id === null ? null : { id, name: id }
    })
  }

  /** The node's id. */
  get id(): string {
    return this.app.cluster.node
  }

  /** Opens a session of nobody in particular. */
  async open(...patterns: readonly string[]): Promise<ClusterPeer> {
    const peer = await this.#peers.open()
    for (const pattern of patterns) peer.session.subscribe(pattern)
    return peer
  }

  /** Opens a session of a user. */
  async openAs(user: string): Promise<ClusterPeer> {
    return await this.#peers.open(user)
  }

  /** Listens to events. */
  hear(patterns: string | readonly string[], options: SubscribeOptions): Hearing {
    const events: Event[] = []
    const payloads: unknown[] = []
    const subscription = this.app.bus.subscribe((event) => {
      if (event.topics[0]?.startsWith(KIT_TOPICS)) return
      events.push(event)
      payloads.push(event.payload)
    }, options)
    for (const pattern of [patterns].flat()) subscription.add(pattern)
    return { events, payloads, subscription }
  }

  /** What the app saw of a node. */
  sawOf(node: ClusterNode): NodeChange[] {
    return this.changes.filter((one) => one.node === node.id).map(({ change }) => change)
  }

  /** Takes note of what must not happen: a backend that throws, or does not stop. */
  #logger(): Logger {
    const error = (first: string | object, message?: string) => {
      const { stage, err } = (typeof first === 'object' ? first : {}) as { stage?: string; err?: Error }
      if (stage === 'stop') this.errors.push(`it logged '${message}': ${err?.message}`)
    }
    return { debug: () => {}, info: () => {}, warn: () => {}, error }
  }
}
