import type { Msg, Subscription } from '@nats-io/transport-node'
import type { Event } from '../../core/bus/event.ts'
import type { ClusterHost } from '../../core/cluster/cluster.ts'
import { stringify } from '../../core/protocol/frame.ts'
import { Listeners, type Want } from './listener-index.ts'
import type { State } from './membership.ts'
import type { Voice } from './node-channel.ts'
import { Interests } from './ref-counted-subscriptions.ts'
import { type Copies, Seniority } from './replay-window.ts'
import { checkedTopicOf, patternSubject, subjectOf } from './subjects.ts'

interface EventNote {
  /** With work: the groups that are meant, of those that a subject reaches. */
  readonly groups?: readonly string[]
}

/** Passes events on to the listeners of other nodes: to all who want them, and to one node of each group. */
export class Events {
  readonly #voice: Voice
  readonly #copies: Copies
  readonly #seniority = new Seniority()
  readonly #everyone: string
  readonly #work: string
  readonly #listeners: Listeners
  readonly #changed: () => void
  /** Patterns by group, as JSON. */
  readonly #wanted: Interests
  #host: ClusterHost | undefined
  /** Whether the state is behind what is wanted. */
  #stale = false
  #state: State = { revision: 0, wants: [] }

  /** @param changed told when what this node's listeners want has changed */
  constructor(voice: Voice, prefix: string, copies: Copies, changed: () => void) {
    this.#voice = voice
    this.#copies = copies
    this.#everyone = `${prefix}.event`
    this.#work = `${prefix}.work`
    this.#listeners = new Listeners(voice.node)
    this.#changed = changed
    this.#wanted = new Interests((key) => this.#subscribe(key))
  }

  /** What this node's listeners want. */
  get state(): State {
    if (this.#stale) this.#refresh()
    return this.#state
  }

  start(host: ClusterHost): void {
    this.#host = host
    this.#wanted.open()
  }

  stop(): void {
    this.#wanted.close()
  }

  listen(pattern: string, group: string | null, wanted: boolean): void {
    if (!this.#wanted.change(JSON.stringify([group, pattern]), wanted)) return
    if (group === null) this.#seniority.change(pattern, wanted)
    if (this.#stale) return
    this.#stale = true
    // Once for all that are added together.
    queueMicrotask(this.#changed)
  }

  #refresh(): void {
    this.#stale = false
    const byGroup = new Map<string | null, string[]>()
    for (const key of this.#wanted.keys) {
      const [of, one] = JSON.parse(key) as [string | null, string]
      byGroup.set(of, [...(byGroup.get(of) ?? []), one])
    }
    const wants = [...byGroup].map(([of, patterns]) => ({ group: of, patterns }))
    this.#state = { revision: this.#state.revision + 1, wants }
    this.#listeners.set(this.#voice.node, wants)
  }

  /** Another node's listeners want this from now on; nothing, when it has left. */
  wants(node: string, wants: readonly Want[] | undefined): void {
    if (wants) this.#listeners.set(node, wants)
    else this.#listeners.remove(node)
  }

  /** Passes an event on; returns whether it has taken care of groups. */
  emit(event: Event): boolean {
    if (this.#stale) this.#refresh()
    if (this.#listeners.empty) return false
    const everyone: string[] = []
    const work: { readonly subject: string; readonly groups: string[] }[] = []
    const own: string[] = []
    const seen = new Set<string>()
    for (const topic of event.topics) {
      const { others, groups } = this.#listeners.takers(topic)
      if (others) everyone.push(subjectOf(this.#everyone, topic))
      // A group that several topics of the event reach gets it by the first.
      const fresh = [...groups.keys()].filter((group) => !seen.has(group))
      for (const group of fresh) seen.add(group)
      own.push(...fresh.filter((group) => !groups.get(group)))
      const shared = fresh.filter((group) => groups.get(group))
      if (shared.length > 0) work.push({ subject: subjectOf(this.#work, topic), groups: shared })
    }
    if (everyone.length + work.length === 0) return false
    const text = this.#write(event)
    if (text === undefined) return false
    if (everyone.length > 0) this.#voice.say(everyone, undefined, text)
    // Then groups are this node's own affair.
    if (work.length === 0) return false
    for (const { subject, groups } of work) {
      // What cannot leave this node is for those of the group that are here.
      if (!this.#voice.say([subject], { groups }, text)) own.push(...groups)
    }
    for (const group of own) this.#host?.emit(event, group)
    return true
  }

  #write(event: Event): string | undefined {
    const { client, payload } = event
    try {
      // A message for clients mostly has the payload of its event: that need not cross twice.
      return stringify(
        client?.payload === payload && client ? { ...event, client: { topic: client.topic } } : event,
      )
    } catch (error) {
      this.#voice.fail(error, event.topics.join(', '))
      return undefined
    }
  }

  #subscribe(key: string): Subscription | undefined {
    const [group, pattern] = JSON.parse(key) as [string | null, string]
    const space = group === null ? this.#everyone : this.#work
    const heard = (message: Msg) => {
      const event = this.#read(message, space, group, pattern)
      if (event) this.#host?.emit(event, group)
    }
    return this.#voice.listen(patternSubject(space, pattern), heard, group ?? undefined)
  }

  #read(message: Msg, space: string, group: string | null, pattern: string): Event | undefined {
    // Of a group the publisher's own node may be the one that NATS has chosen.
    const heard = this.#voice.hear<EventNote>(message, group !== null)
    if (!heard) return undefined
    if ('text' in heard) {
      const topic = checkedTopicOf(space, message.subject)
      if (group === null && !this.#seniority.isOldest(pattern, topic)) return undefined
      return { topics: [topic], payload: JSON.parse(heard.text), actor: null, client: null, except: null }
    }
    const { node, id, note, payload } = heard.from
    if (group === null ? !this.#copies.isNew(node, id) : note?.groups?.includes(group) === false)
      return undefined
    const event = JSON.parse(payload ?? '') as Event
    const { client } = event
    const shared = client !== null && !Object.hasOwn(client, 'payload')
    return {
      ...event,
      payload: event.payload,
      client: shared ? { topic: client.topic, payload: event.payload } : client,
    }
  }
}
