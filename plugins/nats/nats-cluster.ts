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
import { AddressSubscriptions } from './address-subscriptions.ts'
import { unavailable } from './connect.ts'
import type { Envelope } from './envelope.ts'
import { EventForwarder } from './event-forwarder.ts'
import { type ConnectionSettings, ManagedConnection } from './managed-connection.ts'
import { Membership, type MembershipMessage } from './membership.ts'
import { headerOf, type MessageHeader, plainMessage } from './message-header.ts'
import { NodeChannel } from './node-channel.ts'
import { PatternAges } from './pattern-ages.ts'
import { RefCountedSubscriptions } from './ref-counted-subscriptions.ts'
import { ReplayWindow } from './replay-window.ts'
import { RequestClient } from './request-client.ts'
import type { RequestHeader, ResponseHeader } from './request-header.ts'
import { RequestServer } from './request-server.ts'
import { checkedTopicOf, isAddress, patternSubject, SubjectCache, topicOf } from './subjects.ts'
import { SubscriptionFlush } from './subscription-flush.ts'

export interface NatsClusterSettings extends ConnectionSettings {
  readonly prefix: string
}

/** The cluster backend of `nats()`. Nodes with one prefix on one NATS are a cluster. */
export class NatsCluster implements ClusterBackend {
  readonly node = randomNode()
  readonly startTimeout: number | undefined
  readonly #prefix: string
  readonly #log: Logger
  readonly #connection: ManagedConnection
  readonly #channel: NodeChannel
  readonly #replayWindow = new ReplayWindow()
  readonly #subjects: SubjectCache
  readonly #patternAges = new PatternAges()
  /** Subscriptions for the topics and addresses that this node's sessions and plugins want, by pattern. */
  readonly #subscriptions: RefCountedSubscriptions
  readonly #subscriptionFlush: SubscriptionFlush
  readonly #addresses: AddressSubscriptions
  readonly #events: EventForwarder
  readonly #membership: Membership
  readonly #requestClient: RequestClient
  readonly #inbox: string
  readonly drain = (): Promise<void> => this.#events.drain()
  #host: ClusterHost | undefined
  #requestServer: RequestServer | undefined
  /** Subscriptions for messages about nodes and for replies. */
  #ownSubscriptions: (Subscription | undefined)[] = []

  constructor(settings: NatsClusterSettings, log: Logger) {
    const { prefix, wait } = settings
    this.#prefix = prefix
    this.#subjects = new SubjectCache(prefix)
    this.#log = log
    this.startTimeout = wait ? Number.POSITIVE_INFINITY : undefined
    this.#connection = new ManagedConnection(settings, log)
    this.#inbox = createInbox(this.#connection.inboxPrefix)
    const channel = new NodeChannel(this.node, this.#connection, log)
    this.#channel = channel
    this.#subscriptionFlush = new SubscriptionFlush(() => this.#connection.flush(), log)
    this.#addresses = new AddressSubscriptions(channel, prefix)
    this.#subscriptions = new RefCountedSubscriptions((pattern) => this.#subscribe(pattern))
    this.#events = new EventForwarder(channel, prefix, this.#replayWindow, () =>
      this.#membership.announceChanges(),
    )
    const nodesSubject = [this.#nodesSubject]
    this.#membership = new Membership({
      node: this.node,
      own: this.#events.own,
      others: this.#events.others,
      // Without a connection it is not sent, so that it does not count as a dropped message.
      broadcast: (message, reply) => this.connected && channel.send(nodesSubject, message, undefined, reply),
      reply: (subject, message) => channel.send([subject], message),
      replySubject: (restored) => `${this.#inbox}.${restored ? 'back' : 'here'}`,
      nodeChanged: (node, change) => this.#nodeChanged(node, change),
    })
    this.#requestClient = new RequestClient(channel, {
      prefix,
      inbox: this.#inbox,
      otherNodes: () => this.nodes,
    })
  }

  get connected(): boolean {
    return this.#connection.connected
  }

  /** The connection of the NATS client, while this node is started. */
  get connection(): NatsConnection | undefined {
    return this.#connection.nats
  }

  get nodes(): readonly string[] {
    return this.#membership.nodes
  }

  async start(host: ClusterHost): Promise<void> {
    this.#host = host
    const wants = (address: string) => this.#subscriptions.has(address)
    this.#requestServer = new RequestServer(this.#channel, host, this.#log, wants)
    await this.#connection.open({
      lost: (cause) => {
        this.#requestClient.fail(new RookeryError('cluster_unavailable', undefined, { cause }))
        host.connection(false, cause)
      },
      restored: () => {
        host.connection(true)
        this.#membership.connectionRestored()
      },
    })
    this.#ownSubscriptions = [
      this.#channel.subscribe(this.#nodesSubject, (message) => this.#receiveMembership(message)),
      this.#channel.subscribe(`${this.#inbox}.>`, (message) => this.#receiveReply(message)),
    ]
    this.#subscriptions.open()
    this.#events.start(host)
    // Other nodes may send requests as soon as they know of this node, so NATS must have its subscriptions before.
    await this.#connection.flush()
    await this.#membership.start()
    if (!this.#host) throw unavailable('the app was stopped while it looked for other nodes')
  }

  async stop(): Promise<void> {
    this.#membership.stop()
    this.#requestClient.fail(new RookeryError('cluster_unavailable', 'This node has left the cluster'))
    this.#subscriptions.close()
    this.#events.stop()
    for (const subscription of this.#ownSubscriptions.splice(0)) subscription?.unsubscribe()
    await this.#connection.close()
    this.#host = undefined
  }

  publish(message: ClusterMessage): void {
    if (!this.#host) return
    const subjects = message.topics.map((topic) => this.#subjects.of(topic))
    this.#channel.send(subjects, headerOf(message), message.payload)
  }

  emit(event: Event): boolean {
    return this.#host !== undefined && this.connected && this.#events.emit(event)
  }

  ask(question: Question): Promise<Answers> {
    return this.#requestClient.ask(question)
  }

  interest(pattern: string, wanted: boolean): void {
    if (!this.#subscriptions.change(pattern, wanted)) return
    if (wanted && this.connected) this.#subscriptionFlush.added()
    if (!isAddress(pattern)) this.#patternAges.change(pattern, wanted)
  }

  settled(): Promise<void> | undefined {
    return this.#subscriptionFlush.settled
  }

  listen(pattern: string, group: string | null, wanted: boolean): void {
    this.#events.listen(pattern, group, wanted)
  }

  get #nodesSubject(): string {
    return `${this.#prefix}.nodes`
  }

  #nodeChanged(node: string, change: NodeChange): void {
    if (change === 'left') {
      this.#events.removeNode(node)
      this.#replayWindow.forget(node)
      this.#requestClient.nodeLeft(node)
    }
    this.#host?.changed(node, change)
  }

  #subscribe(pattern: string): { unsubscribe(): void } | undefined {
    if (isAddress(pattern)) {
      return this.#addresses.subscribe(pattern, (message) => this.#receiveRequest(pattern, message))
    }
    const subject = patternSubject(this.#prefix, pattern)
    // A pattern without a wildcard is the topic, so the subject need not be decoded.
    const topic = pattern.includes('*') ? undefined : pattern
    return this.#channel.subscribe(subject, (message) => this.#receivePublished(pattern, topic, message))
  }

  #receivePublished(pattern: string, knownTopic: string | undefined, message: Msg): void {
    const received = this.#channel.receive<MessageHeader>(message)
    if (!received) return
    if ('envelope' in received) {
      const { node, id, header, payload } = received.envelope
      if (!this.#replayWindow.isNew(node, id)) return
      const plain = plainMessage(knownTopic ?? topicOf(this.#prefix, message.subject), payload)
      this.#host?.deliver(header === undefined ? plain : { ...plain, ...header }, node)
      return
    }
    const topic = checkedTopicOf(this.#prefix, message.subject)
    if (!this.#patternAges.isOldest(pattern, topic)) return
    // Encoded again, because transports need JSON without line breaks.
    this.#host?.deliver(plainMessage(topic, JSON.stringify(JSON.parse(received.text))), null)
  }

  #receiveRequest(pattern: string, message: Msg): void {
    const received = this.#channel.receive<RequestHeader>(message)
    if (!received) return
    const { reply } = message
    // One subscription is for all sessions of this node.
    const address = pattern.includes('*') ? topicOf(this.#prefix, message.subject) : pattern
    if ('text' in received) this.#requestServer?.answerExternal(address, received.text, reply)
    else if (reply) this.#requestServer?.answerNode(address, received.envelope, reply)
  }

  #receiveMembership(message: Msg): void {
    const received = this.#channel.receive<MembershipMessage>(message)
    if (!received || !('envelope' in received) || !received.envelope.header) return
    const { node, header } = received.envelope
    this.#membership.received(node, header, message.reply)
  }

  /** Takes a message to this node's inbox. The part of the subject after the inbox says what it answers. */
  #receiveReply(message: Msg): void {
    const [kind, id = '', node = ''] = message.subject.slice(this.#inbox.length + 1).split('.')
    if (message.headers?.code === NO_RESPONDERS_STATUS) {
      if (kind === 'answer') this.#requestClient.noResponder(id, node)
      return
    }
    const received = this.#channel.receive<unknown>(message)
    if (!received || !('envelope' in received)) return
    const { envelope } = received
    if (kind === 'answer') this.#requestClient.answered(id, envelope as Envelope<ResponseHeader>)
    else if (envelope.header) {
      this.#membership.received(envelope.node, envelope.header as MembershipMessage, undefined)
      if (kind === 'back') this.#membership.restoredAnswer(envelope.node)
    }
  }
}

/** The status by which NATS says that a request has no subscriber. */
const NO_RESPONDERS_STATUS = 503
