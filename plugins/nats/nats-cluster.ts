import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import type { Event } from '../../core/bus/event.ts'
import type {
  Answers,
  ClusterBackend,
  ClusterHost,
  ClusterMessage,
  NodeChange,
  Question,
} from '../../core/cluster/cluster.ts'
import { randomNode } from '../../core/cluster/in-process.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { unavailable } from './connect.ts'
import type { Envelope } from './envelope.ts'
import { Events } from './event-forwarder.ts'
import { Link, type LinkSettings } from './managed-connection.ts'
import { type MemberNote, Membership } from './membership.ts'
import { Voice } from './node-channel.ts'
import { Interests } from './ref-counted-subscriptions.ts'
import { Copies, Seniority } from './replay-window.ts'
import { type AnswerNote, Questions } from './request-client.ts'
import { Answering, isAddress, type QuestionNote } from './request-server.ts'
import { checkedTopicOf, patternSubject, Subjects, subjectOf, topicOf } from './subjects.ts'

export interface NatsSettings extends LinkSettings {
  readonly prefix: string
}

/** What a message says of itself besides its payload, where it is not just what its subject says. */
type MessageNote = Partial<Omit<ClusterMessage, 'payload'>>

/** Joins the nodes that use one prefix on one NATS. */
export class NatsCluster implements ClusterBackend {
  readonly node = randomNode()
  readonly startTimeout: number | undefined
  readonly #prefix: string
  readonly #log: Logger
  readonly #link: Link
  readonly #voice: Voice
  readonly #copies = new Copies()
  readonly #subjects: Subjects
  readonly #seniority = new Seniority()
  readonly #interests: Interests
  readonly #events: Events
  readonly #membership: Membership
  readonly #questions: Questions
  readonly #inbox: string
  #host: ClusterHost | undefined
  #answering: Answering | undefined
  #own: (Subscription | undefined)[] = []

  constructor(settings: NatsSettings, log: Logger) {
    const { prefix, wait } = settings
    this.#prefix = prefix
    this.#subjects = new Subjects(prefix)
    this.#log = log
    this.startTimeout = wait ? Number.POSITIVE_INFINITY : undefined
    this.#link = new Link(settings, log)
    this.#inbox = createInbox(this.#link.inboxPrefix)
    this.#voice = new Voice(this.node, this.#link, log)
    this.#interests = new Interests((pattern) => this.#subscribe(pattern))
    this.#events = new Events(this.#voice, prefix, this.#copies, () => this.#membership.changed())
    this.#membership = new Membership({
      node: this.node,
      state: () => this.#events.state,
      // While nobody hears it, it is not even a message that was dropped.
      say: (note, reply) => this.connected && this.#voice.say([this.#nodesSubject], note, undefined, reply),
      answer: (reply, note) => this.#voice.say([reply], note),
      replySubject: (restored) => `${this.#inbox}.${restored ? 'back' : 'here'}`,
      wants: (node, wants) => this.#events.wants(node, wants),
      changed: (node, change) => this.#changed(node, change),
    })
    this.#questions = new Questions(this.#voice, {
      inbox: this.#inbox,
      subject: (address) => subjectOf(prefix, address),
      others: () => this.nodes,
      fence: (reply) => this.#voice.say([this.#nodesSubject], { kind: 'fence' }, undefined, reply),
    })
  }

  get connected(): boolean {
    return this.#link.connected
  }

  /** The connection to NATS, while there is one. */
  get connection(): NatsConnection | undefined {
    return this.#link.connection
  }

  get nodes(): readonly string[] {
    return this.#membership.nodes
  }

  async start(host: ClusterHost): Promise<void> {
    this.#host = host
    this.#answering = new Answering(this.#voice, host, this.#log)
    await this.#link.open({
      lost: (cause) => {
        this.#questions.fail(new RookeryError('cluster_unavailable', undefined, { cause }))
        host.connection(false, cause)
      },
      back: () => {
        host.connection(true)
        this.#membership.restored()
      },
    })
    this.#own = [
      this.#voice.listen(this.#nodesSubject, (message) => this.#aboutNodes(message)),
      this.#voice.listen(`${this.#inbox}.>`, (message) => this.#replied(message)),
    ]
    this.#interests.open()
    this.#events.start(host)
    // Whoever hears of this node may ask it at once.
    await this.#link.flush()
    await this.#membership.start()
    if (!this.#host) throw unavailable('the app was stopped while it looked for other nodes')
  }

  async stop(): Promise<void> {
    this.#membership.stop()
    this.#questions.fail(new RookeryError('cluster_unavailable', 'This node has left the cluster'))
    this.#interests.close()
    this.#events.stop()
    for (const subscription of this.#own.splice(0)) subscription?.unsubscribe()
    await this.#link.close()
    this.#host = undefined
  }

  publish({ topics, topic, payload, except, kind, note }: ClusterMessage): void {
    if (!this.#host) return
    const [first] = topics
    if (topics.length === 1 && first === topic && except === null && kind === null) {
      this.#voice.say([this.#subjects.of(topic)], undefined, payload)
      return
    }
    const own: MessageNote = {
      ...((topics.length > 1 || topics[0] !== topic) && { topics, topic }),
      ...(except !== null && { except }),
      ...(kind !== null && { kind, note }),
    }
    const subjects = topics.map((one) => this.#subjects.of(one))
    this.#voice.say(subjects, isEmpty(own) ? undefined : own, payload)
  }

  emit(event: Event): boolean {
    return this.#host !== undefined && this.connected && this.#events.emit(event)
  }

  ask(question: Question): Promise<Answers> {
    return this.#questions.ask(question)
  }

  interest(pattern: string, wanted: boolean): void {
    if (!this.#interests.change(pattern, wanted)) return
    if (!isAddress(pattern)) this.#seniority.change(pattern, wanted)
  }

  listen(pattern: string, group: string | null, wanted: boolean): void {
    this.#events.listen(pattern, group, wanted)
  }

  get #nodesSubject(): string {
    return `${this.#prefix}.nodes`
  }

  #changed(node: string, change: NodeChange): void {
    if (change === 'left') {
      this.#events.wants(node, undefined)
      this.#copies.forget(node)
    }
    this.#host?.changed(node, change)
  }

  #subscribe(pattern: string): Subscription | undefined {
    const subject = patternSubject(this.#prefix, pattern)
    if (isAddress(pattern)) return this.#voice.listen(subject, (message) => this.#asked(pattern, message))
    // Without a wildcard the pattern is the topic, and need not be made of the subject again.
    const topic = pattern.includes('*') ? undefined : pattern
    return this.#voice.listen(subject, (message) => this.#published(pattern, topic, message))
  }

  #published(pattern: string, known: string | undefined, message: Msg): void {
    const heard = this.#voice.hear<MessageNote>(message)
    if (!heard) return
    if ('from' in heard) {
      const { node, id, note, payload } = heard.from
      if (!this.#copies.isNew(node, id)) return
      const plain = plainMessage(known ?? topicOf(this.#prefix, message.subject), payload)
      this.#host?.deliver(note === undefined ? plain : { ...plain, ...note }, node)
      return
    }
    const topic = checkedTopicOf(this.#prefix, message.subject)
    if (!this.#seniority.isOldest(pattern, topic)) return
    // Written anew, because transports count on JSON without line breaks.
    this.#host?.deliver(plainMessage(topic, JSON.stringify(JSON.parse(heard.text))), null)
  }

  #asked(address: string, message: Msg): void {
    const heard = this.#voice.hear<QuestionNote>(message, true)
    if (!heard) return
    if ('text' in heard) this.#answering?.outside(address, heard.text, message.reply)
    else if (heard.from.node === this.node) this.#questions.echoed(message.reply)
    else if (message.reply) this.#answering?.node(address, heard.from, message.reply)
  }

  #aboutNodes(message: Msg): void {
    const heard = this.#voice.hear<MemberNote>(message)
    if (!heard || !('from' in heard) || !heard.from.note) return
    const { node, note } = heard.from
    this.#membership.heard(node, note, message.reply)
    if (note.kind === 'fence' && message.reply) void this.#answering?.fence(message.reply)
  }

  /** Something has come to this node's inbox. */
  #replied(message: Msg): void {
    const [kind, id = ''] = message.subject.slice(this.#inbox.length + 1).split('.')
    if (message.headers?.code === NO_RESPONDERS) {
      if (kind === 'answer') this.#questions.nobody(id)
      return
    }
    const heard = this.#voice.hear<unknown>(message)
    if (!heard || !('from' in heard)) return
    const { from } = heard
    if (kind === 'answer') this.#questions.answered(id, from as Envelope<AnswerNote>)
    else if (kind === 'fence') this.#questions.passed(id, from.node)
    else if (from.note) {
      this.#membership.heard(from.node, from.note as MemberNote, undefined)
      if (kind === 'back') this.#membership.back(from.node)
    }
  }
}

/** The status with which NATS answers a request that nobody listens to. */
const NO_RESPONDERS = 503

const plainMessage = (topic: string, payload: string | undefined): ClusterMessage => ({
  topics: [topic],
  topic,
  payload,
  except: null,
  kind: null,
})

const isEmpty = (note: object): boolean => {
  for (const _key in note) return false
  return true
}
