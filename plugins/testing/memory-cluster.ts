import {
  type Answer,
  type Answers,
  Cluster,
  type ClusterBackend,
  type ClusterHost,
  type ClusterMessage,
  type Question,
} from '../../core/cluster.ts'
import { randomNode } from '../../core/cluster-in-process.ts'
import { RookeryError } from '../../core/errors.ts'
import type { Event } from '../../core/event.ts'
import { Matcher } from '../../core/matcher.ts'
import { definePlugin, type Plugin } from '../../core/plugin.ts'
import { topicMatches } from '../../core/topic.ts'

/** What crosses from node to node crosses as JSON, as on a real network. */
const copy = <T>(value: T): T => (value === undefined ? value : JSON.parse(JSON.stringify(value)))

/** One app of a memory cluster. */
class MemoryNode implements ClusterBackend {
  readonly node = randomNode()
  readonly #hub: MemoryCluster
  readonly #interests = new Map<string, number>()
  readonly #wanted = new Matcher<string>()
  readonly #listeners = new Map<string, number>()
  #host: ClusterHost | undefined
  connected = false

  constructor(hub: MemoryCluster) {
    this.#hub = hub
  }

  get nodes(): readonly string[] {
    return this.#others.map(({ node }) => node)
  }

  get #others(): MemoryNode[] {
    return this.connected ? this.#hub.reachable.filter((other) => other !== this) : []
  }

  async start(host: ClusterHost): Promise<void> {
    this.#host = host
    this.connect()
  }

  async stop(): Promise<void> {
    this.disconnect()
    this.#host = undefined
  }

  /** Joins the others, who are told and of whom the app is told. */
  connect(): void {
    if (this.connected || !this.#host) return
    this.connected = true
    this.#hub.reachable.push(this)
    this.#host.connection(true)
    for (const other of this.#others) {
      other.#host?.changed(this.node, 'joined')
      this.#host.changed(other.node, 'joined')
    }
  }

  /** Is cut off: both sides hold each other for gone. */
  disconnect(): void {
    if (!this.connected) return
    const others = this.#others
    this.connected = false
    this.#hub.reachable.splice(this.#hub.reachable.indexOf(this), 1)
    this.#host?.connection(false)
    for (const other of others) {
      other.#host?.changed(this.node, 'left')
      this.#host?.changed(other.node, 'left')
    }
  }

  publish(message: ClusterMessage): void {
    const copied = copy(message)
    for (const other of this.#others) {
      if (message.topics.some((topic) => other.#wanted.match(topic).length > 0)) {
        setImmediate(() => other.connected && other.#host?.deliver(copied, this.node))
      }
    }
  }

  emit(event: Event): boolean {
    const copied = copy(event)
    const members = [...this.#others, ...(this.connected ? [this] : [])]
    const groups = new Map<string, MemoryNode[]>()
    for (const member of members) {
      const wanted = member.#groupsFor(event)
      if (wanted.has(null) && member !== this) setImmediate(() => member.#host?.emit(copied, null))
      wanted.delete(null)
      for (const group of wanted) {
        groups.set(group as string, [...(groups.get(group as string) ?? []), member])
      }
    }
    for (const [group, [first, ...more]] of groups) {
      const one = [first, ...more][Math.floor(Math.random() * (more.length + 1))] as MemoryNode
      setImmediate(() => one.#host?.emit(copied, group))
    }
    return this.connected
  }

  async ask(question: Question): Promise<Answers> {
    if (!this.connected) throw new RookeryError('cluster_unavailable')
    const copied = copy(question)
    const asked = this.#others.filter((other) => other.#interests.has(question.to))
    const items = await Promise.all(asked.map((other) => other.#answer(copied, this.node)))
    if (!this.connected) throw new RookeryError('cluster_unavailable')
    return { items: items.filter((item) => item !== undefined), missing: [] }
  }

  async #answer(question: Question, from: string): Promise<Answer | undefined> {
    await new Promise(setImmediate)
    if (!this.connected) return undefined
    try {
      return { node: this.node, value: copy(await this.#host?.answer(question, from)) }
    } catch (error) {
      const coded = error instanceof RookeryError ? error : new RookeryError('internal')
      return { node: this.node, error: copy(coded.toJSON()) }
    }
  }

  interest(pattern: string, wanted: boolean): void {
    const change = count(this.#interests, pattern, wanted)
    if (change === 'first') this.#wanted.add(pattern, pattern)
    else if (change === 'last') this.#wanted.remove(pattern, pattern)
  }

  listen(pattern: string, group: string | null, wanted: boolean): void {
    count(this.#listeners, JSON.stringify([pattern, group]), wanted)
  }

  #groupsFor({ topics }: Event): Set<string | null> {
    const groups = new Set<string | null>()
    for (const key of this.#listeners.keys()) {
      const [pattern, group] = JSON.parse(key) as [string, string | null]
      if (topics.some((topic) => topicMatches(pattern, topic))) groups.add(group)
    }
    return groups
  }
}

const count = (counts: Map<string, number>, key: string, wanted: boolean): 'first' | 'last' | undefined => {
  const now = (counts.get(key) ?? 0) + (wanted ? 1 : -1)
  if (now > 0) counts.set(key, now)
  else counts.delete(key)
  return wanted && now === 1 ? 'first' : !wanted && now === 0 ? 'last' : undefined
}

/** Apps of one process that act as nodes of one cluster, without a server: for tests. */
export class MemoryCluster {
  /** @internal */
  readonly reachable: MemoryNode[] = []
  readonly #nodes: MemoryNode[] = []

  /** The cluster plugin of one more node. */
  plugin(): Plugin {
    return definePlugin({
      name: 'memory-cluster',
      setup: (scope) =>
        scope.provide(Cluster, () => {
          const node = new MemoryNode(this)
          this.#nodes.push(node)
          return node
        }),
    })
  }

  /** Cuts a node off from the others, by its id. */
  cut(node: string): void {
    this.#nodes.find((one) => one.node === node)?.disconnect()
  }

  /** Lets it back. */
  heal(node: string): void {
    this.#nodes.find((one) => one.node === node)?.connect()
  }
}
