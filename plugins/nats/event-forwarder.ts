import type { Msg, Subscription } from '@nats-io/transport-node'
import type { Event } from '../../core/bus/event.ts'
import type { ClusterHost } from '../../core/cluster/cluster.ts'
import { stringify } from '../../core/protocol/stringify.ts'
import { ListenerIndex } from './listener-index.ts'
import type { ListenerTarget } from './listener-lists.ts'
import type { NodeChannel } from './node-channel.ts'
import { OwnListeners } from './own-listeners.ts'
import { PatternAges } from './pattern-ages.ts'
import { RefCountedSubscriptions } from './ref-counted-subscriptions.ts'
import type { ReplayWindow } from './replay-window.ts'
import { checkedTopicOf, patternSubject, subjectOf } from './subjects.ts'

interface EventHeader {
  /** The groups that handle the event. A subject may reach other groups, too. */
  readonly groups?: readonly string[]
}

/** Forwards events to the listeners of other nodes: to all of them without a group, and to one node of each group. */
export class EventForwarder {
  readonly #channel: NodeChannel
  readonly #replayWindow: ReplayWindow
  readonly #patternAges = new PatternAges()
  /** Prefix of the subjects for listeners without a group. */
  readonly #eventPrefix: string
  /** Prefix of the subjects for groups. */
  readonly #groupPrefix: string
  readonly #listeners: ListenerIndex
  /** The listeners of this node. */
  readonly own = new OwnListeners()
  /** The listeners of the other nodes. */
  readonly others: ListenerTarget
  readonly #announceChanges: () => void
  /** Subscriptions of this node's listeners. A key is `[group, pattern]` as JSON. */
  readonly #subscriptions: RefCountedSubscriptions
  #host: ClusterHost | undefined

  /** @param announceChanges called when listeners of this node were added or removed */
  constructor(channel: NodeChannel, prefix: string, replayWindow: ReplayWindow, announceChanges: () => void) {
    this.#channel = channel
    this.#replayWindow = replayWindow
    this.#eventPrefix = `${prefix}.event`
    this.#groupPrefix = `${prefix}.work`
    const index = new ListenerIndex(channel.node)
    this.#listeners = index
    this.others = {
      set: (node, listeners) => {
        index.removeNode(node)
        index.add(node, listeners)
      },
      change: (node, { what, listeners }) =>
        what === 'added' ? index.add(node, listeners) : index.remove(node, listeners),
    }
    this.#announceChanges = announceChanges
    this.#subscriptions = new RefCountedSubscriptions((key) => this.#subscribe(key))
  }

  start(host: ClusterHost): void {
    this.#host = host
    this.#subscriptions.open()
  }

  /** Takes no more events of other nodes. Resolves when the events have come that NATS has chosen this node for. */
  async drain(): Promise<void> {
    // NATS no longer chooses this node, and the other nodes of a group may be stopping, too.
    this.#listeners.ownFirst = true
    if (this.#channel.connection.connected) await this.#subscriptions.drain()
    else this.#subscriptions.close()
  }

  stop(): void {
    this.#subscriptions.close()
  }

  listen(pattern: string, group: string | null, wanted: boolean): void {
    if (!this.#subscriptions.change(JSON.stringify([group, pattern]), wanted)) return
    if (group === null) this.#patternAges.change(pattern, wanted)
    const listeners = [{ group, patterns: [pattern] }]
    if (wanted) this.#listeners.add(this.#channel.node, listeners)
    else this.#listeners.remove(this.#channel.node, listeners)
    // Listeners that are added together are announced in one message.
    if (this.own.change(group, pattern, wanted)) queueMicrotask(this.#announceChanges)
  }

  /** Removes the listeners of a node that has left. */
  removeNode(node: string): void {
    this.#listeners.removeNode(node)
  }

  /**
   * Forwards an event. Returns whether it has passed the event to the groups, including groups of this node only. If
   * not, the caller does so.
   */
  emit(event: Event): boolean {
    if (this.#listeners.empty) return false
    const eventSubjects: string[] = []
    const groupSubjects: { readonly subject: string; readonly groups: string[] }[] = []
    const localGroups: string[] = []
    const seen = new Set<string>()
    for (const topic of event.topics) {
      const { others, groups } = this.#listeners.targets(topic)
      if (others) eventSubjects.push(subjectOf(this.#eventPrefix, topic))
      // A group that matches several topics of the event gets it for the first one.
      const unseen = [...groups.keys()].filter((group) => !seen.has(group))
      for (const group of unseen) seen.add(group)
      localGroups.push(...unseen.filter((group) => !groups.get(group)))
      const shared = unseen.filter((group) => groups.get(group))
      if (shared.length > 0) {
        groupSubjects.push({ subject: subjectOf(this.#groupPrefix, topic), groups: shared })
      }
    }
    if (eventSubjects.length + groupSubjects.length === 0) return false
    const text = this.#encode(event)
    if (text === undefined) return false
    if (eventSubjects.length > 0) this.#channel.send(eventSubjects, undefined, text)
    // All groups are on this node only, so the caller passes the event to them.
    if (groupSubjects.length === 0) return false
    for (const { subject, groups } of groupSubjects) {
      // An event that cannot be sent goes to the listeners of the group on this node.
      if (!this.#channel.send([subject], { groups }, text)) localGroups.push(...groups)
    }
    for (const group of localGroups) this.#host?.emit(event, group)
    return true
  }

  #encode(event: Event): string | undefined {
    const { client, payload } = event
    try {
      // The client message usually has the payload of its event, which is then sent once.
      return stringify(
        client?.payload === payload && client ? { ...event, client: { topic: client.topic } } : event,
        payload ?? null,
      )
    } catch (error) {
      this.#channel.logFailure(error, event.topics.join(', '))
      return undefined
    }
  }

  #subscribe(key: string): Subscription | undefined {
    const [group, pattern] = JSON.parse(key) as [string | null, string]
    const prefix = group === null ? this.#eventPrefix : this.#groupPrefix
    const received = (message: Msg) => {
      const event = this.#decode(message, prefix, group, pattern)
      if (event) this.#host?.emit(event, group)
    }
    return this.#channel.subscribe(patternSubject(prefix, pattern), received, group ?? undefined)
  }

  #decode(message: Msg, prefix: string, group: string | null, pattern: string): Event | undefined {
    // NATS may choose the publisher's own node for a group.
    const received = this.#channel.receive<EventHeader>(message, group !== null)
    if (!received) return undefined
    if ('text' in received) {
      const topic = checkedTopicOf(prefix, message.subject)
      if (group === null && !this.#patternAges.isOldest(pattern, topic)) return undefined
      return { topics: [topic], payload: JSON.parse(received.text), actor: null, client: null, except: null }
    }
    const { node, id, header, payload } = received.envelope
    const wanted =
      group === null ? this.#replayWindow.isNew(node, id) : header?.groups?.includes(group) !== false
    if (!wanted) return undefined
    const event = JSON.parse(payload ?? '') as Event
    const { client } = event
    const sharesPayload = client !== null && !Object.hasOwn(client, 'payload')
    return {
      ...event,
      payload: event.payload,
      client: sharesPayload ? { topic: client.topic, payload: event.payload } : client,
    }
  }
}
