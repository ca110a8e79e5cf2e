import type { App } from '../../../core/app/app.ts'
import { createApp } from '../../../core/app/create-app.ts'
import { definePlugin, type Plugin } from '../../../core/app/plugin.ts'
import type { Event } from '../../../core/bus/event.ts'
import type { SubscribeOptions, Subscription } from '../../../core/bus/listener.ts'
import { Cluster, type ClusterBackend, type NodeChange } from '../../../core/cluster/cluster.ts'
import { Transports } from '../../../core/sessions/transport.ts'
import type { Logger } from '../../../core/util/logger.ts'
import { type ClusterPeer, KIT_TOPIC_PREFIX, PeerTransport } from './cluster-peer.ts'

/** A listener of the bus, with the events that it got. */
export interface RecordedListener {
  /** The events so far, without those on topics of the kit itself. */
  readonly events: Event[]
  /** The payloads of `events`. */
  readonly payloads: unknown[]
  readonly subscription: Subscription
}

/** An app that is a node of the cluster under test, with a record of membership changes and errors. */
export class ClusterNode {
  readonly app: App
  /** The node's backend. */
  readonly backend: ClusterBackend
  /** All membership changes that the app was told of. */
  readonly changes: { readonly node: string; readonly change: NodeChange }[] = []
  /** The errors of the backend that the app has logged. */
  readonly errors: string[] = []
  readonly #peers = new PeerTransport()

  constructor(plugin: Plugin, timeout: number) {
    const peers = definePlugin({
      name: 'conformance',
      setup: (scope) => scope.get(Transports).add(this.#peers),
    })
    this.app = createApp({
      allowAnonymous: true,
      stopTimeout: timeout,
      logger: this.#logger(),
      plugins: [plugin, peers],
    })
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

  /** Opens a session without a user and subscribes it to patterns. */
  async open(...patterns: readonly string[]): Promise<ClusterPeer> {
    const peer = await this.#peers.open()
    for (const pattern of patterns) peer.session.subscribe(pattern)
    return peer
  }

  /** Opens a session of the user with this id. */
  async openAs(user: string): Promise<ClusterPeer> {
    return await this.#peers.open(user)
  }

  /** Finds the node of a session id, as a transport does. */
  async ownerOf(session: string): Promise<string> {
    return await this.#peers.ownerOf(session)
  }

  /** Adds a listener to the bus that records its events. */
  listen(patterns: string | readonly string[], options: SubscribeOptions): RecordedListener {
    const events: Event[] = []
    const payloads: unknown[] = []
    const subscription = this.app.bus.subscribe((event) => {
      if (event.topics[0]?.startsWith(KIT_TOPIC_PREFIX)) return
      events.push(event)
      payloads.push(event.payload)
    }, options)
    for (const pattern of [patterns].flat()) subscription.add(pattern)
    return { events, payloads, subscription }
  }

  /** The membership changes of one node. */
  changesOf(node: ClusterNode): NodeChange[] {
    return this.changes.filter((change) => change.node === node.id).map(({ change }) => change)
  }

  /** Records errors of the backend: it throws, or does not stop. */
  #logger(): Logger {
    const error = (first: string | object, message?: string) => {
      const { stage, err } = (typeof first === 'object' ? first : {}) as { stage?: string; err?: Error }
      if (stage === 'stop') this.errors.push(`it logged '${message}': ${err?.message}`)
    }
    return { debug: () => {}, info: () => {}, warn: () => {}, error }
  }
}
