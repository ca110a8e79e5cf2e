import type { Event } from '../../../core/bus/event.ts'
import type {
  Answer,
  Answers,
  ClusterBackend,
  ClusterHost,
  ClusterMessage,
  Question,
} from '../../../core/cluster/cluster.ts'
import { randomNode } from '../../../core/cluster/in-process.ts'
import { codedError } from '../../../core/protocol/coded-error.ts'
import { RookeryError } from '../../../core/protocol/errors.ts'
import { stringify } from '../../../core/protocol/stringify.ts'
import { Matcher } from '../../../core/topics/matcher.ts'
import type { Logger } from '../../../core/util/logger.ts'

/** Milliseconds that a question waits for answers, unless the question has a timeout of its own. */
const ANSWER_TIMEOUT_MS = 1000

/** Copies a value by way of JSON, as a network would. */
const copy = <T>(value: T): T => (value === undefined ? value : JSON.parse(stringify(value) as string))

/** Reference-counted patterns, each with a value: a pattern counts until it has been removed as often as added. */
class CountedPatterns<T> {
  readonly #counts = new Map<string, number>()
  readonly #matcher = new Matcher<T>()

  change(pattern: string, value: T, wanted: boolean): void {
    const key = JSON.stringify([pattern, value])
    const now = (this.#counts.get(key) ?? 0) + (wanted ? 1 : -1)
    if (now > 0) this.#counts.set(key, now)
    else this.#counts.delete(key)
    if (now > 0) this.#matcher.add(pattern, value)
    else this.#matcher.remove(pattern, value)
  }

  /** The values of all patterns that match one of the topics. */
  valuesOf(topics: readonly string[]): Set<T> {
    return new Set(topics.flatMap((topic) => this.#matcher.match(topic).flatMap((values) => [...values])))
  }
}

/** The nodes that can reach each other. */
export type Reachable = Set<MemoryNode>

/** The backend of one node of a memory cluster. */
export class MemoryNode implements ClusterBackend {
  readonly node = randomNode()
  readonly #reachable: Reachable
  readonly #log: Logger
  readonly #interests = new CountedPatterns<true>()
  readonly #listeners = new CountedPatterns<string | null>()
  /** Functions that end the open questions of this node. */
  readonly #openQuestions = new Set<() => void>()
  #host: ClusterHost | undefined
  /** Whether the node stops, and takes no more events of other nodes. */
  #draining = false

  constructor(reachable: Reachable, log: Logger) {
    this.#reachable = reachable
    this.#log = log
  }

  get connected(): boolean {
    return this.#reachable.has(this)
  }

  get nodes(): readonly string[] {
    return this.#others.map(({ node }) => node)
  }

  get #others(): MemoryNode[] {
    return this.connected ? [...this.#reachable].filter((other) => other !== this) : []
  }

  async start(host: ClusterHost): Promise<void> {
    this.#host = host
    this.connect()
  }

  async drain(): Promise<void> {
    this.#draining = true
    // Events that have been emitted arrive in the next turn of the event loop.
    await new Promise(setImmediate)
  }

  async stop(): Promise<void> {
    const others = this.#leave()
    this.#host = undefined
    for (const other of others) other.#host?.changed(this.node, 'left')
  }

  /** Connects the node. The app of each connected node is told of the others. */
  connect(): void {
    if (this.connected || !this.#host) return
    this.#reachable.add(this)
    this.#host.connection(true)
    for (const other of this.#others) {
      other.#host?.changed(this.node, 'joined')
      this.#host?.changed(other.node, 'joined')
    }
  }

  /** Disconnects the node. Both sides see each other leave. */
  disconnect(): void {
    if (!this.connected) return
    const others = this.#leave()
    this.#host?.connection(false)
    for (const other of others) {
      other.#host?.changed(this.node, 'left')
      this.#host?.changed(other.node, 'left')
    }
  }

  #leave(): MemoryNode[] {
    const others = this.#others
    this.#reachable.delete(this)
    for (const end of [...this.#openQuestions]) end()
    return others
  }

  publish(message: ClusterMessage): void {
    const copied = this.#copied(message)
    if (!copied) return
    for (const other of this.#others) {
      if (other.#interests.valuesOf(message.topics).size === 0) continue
      setImmediate(() => other.connected && other.#host?.deliver(copied, this.node))
    }
  }

  emit(event: Event): boolean {
    const others = this.#others
    const copied = others.length > 0 && this.#copied(event)
    if (!copied) return false
    const groups = new Map<string, MemoryNode[]>()
    const own = this.#listeners.valuesOf(event.topics)
    for (const member of [this, ...others.filter((other) => !other.#draining)]) {
      for (const group of member.#listeners.valuesOf(event.topics)) {
        // A node that stops handles the events of its groups itself: the other nodes may be stopping, too.
        if (this.#draining && member !== this && group !== null && own.has(group)) continue
        if (group !== null) groups.set(group, [...(groups.get(group) ?? []), member])
        else if (member !== this) member.#take(copied, null)
      }
    }
    for (const [group, members] of groups) {
      const member = members[Math.floor(Math.random() * members.length)] as MemoryNode
      member.#take(copied, group)
    }
    return true
  }

  #take(event: Event, group: string | null): void {
    setImmediate(() => this.#host?.emit(event, group))
  }

  /** A copy for other nodes. Logs an error and returns undefined if the value cannot be written as JSON. */
  #copied<T>(value: T): T | undefined {
    try {
      return copy(value)
    } catch (error) {
      this.#log.error(
        { err: error, stage: 'cluster' },
        'an event or message cannot be written as JSON and does not reach other nodes',
      )
      return undefined
    }
  }

  async ask(question: Question): Promise<Answers> {
    if (!this.connected) throw new RookeryError('cluster_unavailable')
    const copied = copy(question)
    const waiting = new Set(this.#others.filter((other) => other.#interests.valuesOf([question.to]).size > 0))
    const items: Answer[] = []
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#openQuestions.delete(end)
        resolve()
      }
      const timer = setTimeout(end, question.timeout ?? ANSWER_TIMEOUT_MS)
      this.#openQuestions.add(end)
      if (waiting.size === 0) end()
      for (const other of waiting) {
        void other.#answer(copied, this.node).then((answer) => {
          // Ignores answers that are late, and answers of nodes that have left.
          if (!this.#openQuestions.has(end) || !other.connected) return
          waiting.delete(other)
          items.push(answer)
          if (waiting.size === 0) end()
        })
      }
    })
    if (!this.connected) throw new RookeryError('cluster_unavailable')
    return { items, missing: [...waiting].map(({ node }) => node) }
  }

  async #answer(question: Question, from: string): Promise<Answer> {
    await new Promise(setImmediate)
    try {
      if (!this.#host) throw new RookeryError('node_unreachable')
      return { node: this.node, value: copy(await this.#host.answer(question, from)) }
    } catch (error) {
      const coded = codedError(error)
      if (coded) return { node: this.node, error: copy(coded.toJSON()) }
      const { method } = question
      this.#log.error({ err: error, method, stage: 'cluster' }, 'a question could not be answered')
      return { node: this.node, error: new RookeryError('internal').toJSON() }
    }
  }

  interest(pattern: string, wanted: boolean): void {
    this.#interests.change(pattern, true, wanted)
  }

  settled(): undefined {
    // Interest takes effect at once.
  }

  listen(pattern: string, group: string | null, wanted: boolean): void {
    this.#listeners.change(pattern, group, wanted)
  }
}
