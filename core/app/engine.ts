import { FairQueue } from '../admission/fair-queue.ts'
import { Bus, type BusOutlets } from '../bus/bus.ts'
import { type EventInit, type PublishOptions, withClientMessage } from '../bus/event.ts'
import { Addressing, type Sent } from '../cluster/addressing.ts'
import type { ClusterBackend, ClusterHost } from '../cluster/cluster.ts'
import { NodeRegistry, nodeAddress } from '../cluster/nodes.ts'
import { SessionIds } from '../cluster/session-ids.ts'
import { addressOf, sessionAddresses, type Target } from '../cluster/target.ts'
import { Handlers } from '../handlers/handlers.ts'
import { MessageContext } from '../handlers/message-context.ts'
import type { KeptStream } from '../history/history.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { SendFrame } from '../protocol/protocol.ts'
import { EarlierSessions } from '../sessions/earlier-sessions.ts'
import { FanOut } from '../sessions/fan-out.ts'
import { KeptDelivery } from '../sessions/kept-delivery.ts'
import { Flusher } from '../sessions/outbox.ts'
import type { Session } from '../sessions/session.ts'
import type { SessionHost } from '../sessions/session-host.ts'
import { SessionOpener } from '../sessions/session-opener.ts'
import { SessionRegistry } from '../sessions/session-registry.ts'
import { TopicDecisions } from '../sessions/topic-decisions.ts'
import type { TransportHost } from '../sessions/transport.ts'
import { createUserChecks } from '../sessions/user-schema.ts'
import { assertPattern, assertTopic, isReserved, MAX_TOPIC_BYTES } from '../topics/topic.ts'
import type { Logger } from '../util/logger.ts'
import { reported } from '../util/observed-promise.ts'
import { Sequence } from '../util/sequence.ts'
import { Work } from '../util/work.ts'
import type { AppSettings } from './app-settings.ts'
import { Publisher } from './publisher.ts'
import { Reports } from './reports.ts'

/** Shared promise: most callers do not await `publish`. */
const ACCEPTED = Promise.resolve()

/** Connects the parts of an app: the bus, the handlers, the sessions, the fan-out and the cluster. */
export class Engine {
  readonly bus: Bus
  readonly handlers: Handlers
  readonly sessions: SessionRegistry
  readonly nodes: NodeRegistry
  readonly reports: Reports
  /** What a stop waits for. */
  readonly work = new Work()
  /** The app, as transports see it. */
  readonly transportHost: TransportHost
  /** The app, as the cluster backend sees it. */
  readonly clusterHost: ClusterHost
  readonly #settings: AppSettings
  readonly #log: Logger
  readonly #flusher = new Flusher()
  readonly #fairQueue = new FairQueue({ beforeRound: () => this.#flusher.flush() })
  readonly #fanOut: FanOut
  readonly #kept: KeptDelivery
  readonly #publisher: Publisher
  /** Orders deliveries: hooks and authorizers may publish inside a delivery. */
  readonly #sequence = new Sequence()
  readonly #addressing: Addressing
  readonly #opener: SessionOpener
  #cluster: ClusterBackend | undefined
  /** Calls to the cluster that plugins caused before the app joined it. */
  readonly #early: (() => void)[] = []

  constructor(settings: AppSettings, log: Logger) {
    this.#settings = settings
    this.#log = log
    this.reports = new Reports(log)
    const outlets: BusOutlets = {
      toClients: (event, here) => this.#publisher.toClients(event, here),
      inOrder: this.#sequence.run,
      toOthers: (event) => this.#cluster?.emit(event) ?? false,
      listen: (pattern, group, wanted) => this.#listen(pattern, group, wanted),
      failed: (error, { topics }) => {
        const where = { stage: 'listener', topic: topics[0] as string }
        this.reports.failed(error, where, 'a bus listener failed', { topics })
      },
    }
    this.bus = new Bus(log, settings.bus, outlets, this.work)
    this.handlers = new Handlers(settings.handlerTimeout, this.work, settings.contract)
    const interest = (pattern: string, wanted: boolean) => this.#cluster?.interest(pattern, wanted)
    this.#fanOut = new FanOut(interest)
    this.#kept = new KeptDelivery(this.#fanOut, this.#sequence.run, () => this.sessions)
    this.#publisher = new Publisher({
      contract: settings.contract,
      fanOut: this.#fanOut,
      kept: this.#kept,
      cluster: () => this.#cluster,
      inOrder: this.#sequence.run,
      clientOf: (session) => this.sessions.get(session)?.client,
      reported: (promise, topic) => this.#reported(promise, 'publish', topic),
    })
    this.nodes = new NodeRegistry(log, {
      deliver: (message) => this.#publisher.toSessions(message),
      publish: (event) => this.bus.publishHere({ ...event, client: event.client ?? {} }),
      failed: (error, fields) =>
        this.reports.failed(error, { stage: 'cluster' }, 'a cluster hook failed', fields),
    })
    const disconnect = (target: Target, error: RookeryError) =>
      this.#reported(this.#addressing.disconnect(target, error), 'disconnect')
    this.sessions = new SessionRegistry(interest, disconnect, this.work)
    this.#addressing = new Addressing(this.sessions, this.nodes, this.#sequence.run)
    const sessionIds = new SessionIds(this.nodes)
    this.#opener = new SessionOpener({
      sessions: this.sessions,
      sessionIds,
      earlierSessions: new EarlierSessions(this.sessions, this.nodes, sessionIds, this.#kept),
      sessionHost: this.#sessionHost(),
      coded: (failure, stage, fields) => this.reports.coded(failure, { stage }, fields),
      refused: (error, handshake) => this.reports.refused(error, handshake),
    })
    this.transportHost = {
      limits: settings.limits,
      fairQueue: this.#fairQueue,
      begin: (address, act) => this.#opener.begin(address, act),
      open: (handshake, wire) => this.#opener.open(handshake, wire),
      ownerOf: (session, address) => this.#opener.ownerOf(session, address),
      count: (error) => this.reports.count(error),
    }
    this.clusterHost = this.#createClusterHost()
  }

  /** Connects the app to the cluster, and to the history if it has one. */
  join(cluster: ClusterBackend, history: KeptStream | undefined): void {
    this.#cluster = cluster
    this.#kept.use(history)
    this.nodes.join(cluster)
    cluster.interest(nodeAddress(cluster.node), true)
    cluster.interest(sessionAddresses(cluster.node), true)
    for (const listen of this.#early.splice(0)) listen()
  }

  /** Starts or stops accepting connections. */
  accept(accepting: boolean): void {
    this.#opener.accept(accepting)
  }

  /** Number of sessions, patterns and trie nodes in use, for leak checks. */
  get usage(): { readonly sessions: number; readonly patterns: number; readonly nodes: number } {
    return { sessions: this.sessions.size, ...this.#fanOut.size }
  }

  /** Publishes an event with a message for clients. See `App.publish`. */
  publish(input: string | EventInit, payload?: unknown, options?: PublishOptions): Promise<void> {
    try {
      return this.bus.publishStored(withClientMessage(input, payload, options)) ?? ACCEPTED
    } catch (error) {
      const topic: unknown = typeof input === 'object' ? input?.topics?.[0] : input
      return this.#reported(Promise.reject(error), 'publish', topic)
    }
  }

  /** Sends a message to the sessions of a target. See `App.send`. */
  send(target: Target, topic: string, payload: unknown): Promise<Sent> {
    return this.#reported(this.#send(target, topic, payload), 'send', topic)
  }

  async #send(target: Target, topic: string, payload: unknown): Promise<Sent> {
    this.#settings.contract.checkSent(topic, payload)
    const isInbox = 'user' in target && this.#kept.history?.keepsUsers
    const kept = isInbox ? await this.#publisher.keepFor(target, topic, payload) : false
    const to = this.#addressing
    return { sessions: await (kept ? to.count(target) : to.send(target, topic, payload)), kept }
  }

  /** A promise for the application, which need not handle its rejection. */
  #reported<T>(promise: Promise<T>, stage: string, topic?: unknown): Promise<T> {
    const named = typeof topic === 'string' ? topic.slice(0, MAX_TOPIC_BYTES) : undefined
    return reported(promise, (error) => this.reports.unhandled(error, stage, named))
  }

  #listen(pattern: string, group: string | null, wanted: boolean): void {
    if (this.#cluster) this.#cluster.listen(pattern, group, wanted)
    else this.#early.push(() => this.#cluster?.listen(pattern, group, wanted))
  }

  #dispatch(session: Session, frame: SendFrame): unknown {
    const { topic } = frame
    assertTopic(topic)
    if (isReserved(topic)) throw new RookeryError('reserved_topic')
    const { authorization } = this.sessions
    const checked = authorization.unlimited ? undefined : authorization.check(session, 'send', topic)
    return checked ? checked.then(() => this.#handle(session, frame)) : this.#handle(session, frame)
  }

  #handle(session: Session, { topic, payload }: SendFrame): unknown {
    return this.handlers.run(new MessageContext(session, topic, payload, this))
  }

  /** The app, as sessions see it. */
  #sessionHost(): SessionHost {
    const { sessions, reports } = this
    const { contract: rules } = this.#settings
    return {
      limits: this.#settings.limits,
      flusher: this.#flusher,
      fairQueue: this.#fairQueue,
      work: this.work,
      authorization: sessions.authorization,
      decisions: new TopicDecisions(sessions.authorization, (error, session) =>
        reports.report(error, session, 'authorize'),
      ),
      fanOut: this.#fanOut,
      kept: this.#kept,
      checkPattern: (pattern) => {
        assertPattern(pattern)
        if (isReserved(pattern)) throw new RookeryError('reserved_topic')
        rules.checkPattern(pattern)
      },
      refusedPattern: (error, session, pattern) => reports.refusedPattern(error, session, pattern),
      interestVersion: () => this.#fanOut.additions + sessions.additions,
      settled: () => this.#cluster?.settled(),
      contract: rules.index?.hash,
      checkMessage: (topic, payload) => rules.checkMessage(topic, payload),
      ...createUserChecks(rules.index?.user, this.#settings.publicUserFields, this.#log),
      addressed: (target, session, added) => sessions.address(addressOf(target), session, added),
      dispatch: (session, frame) => this.#dispatch(session, frame),
      token: (session, token) => sessions.token(session, token),
      renewed: (session) => sessions.renewed(session),
      count: (error) => reports.count(error),
      expose: (error, session, topic) => reports.expose(error, session, topic),
      report: (error, session, stage) => reports.report(error, session, stage),
      dropped: (count) => reports.dropped(count),
      ended: (session, error) => {
        if (error) {
          reports.count(error)
          reports.checkData(error, { stage: 'close', session })
        }
        return sessions.remove(session, error, (failure) => reports.report(failure, session, 'close'))
      },
    }
  }

  #createClusterHost(): ClusterHost {
    return {
      deliver: (message, node) => this.nodes.received(message, node),
      emit: (event, group) => this.bus.emitFromElsewhere(event, group),
      answer: (question, node) => this.nodes.asked(question, node),
      changed: (node, change) => this.nodes.changed(node, change),
      connection: (connected, cause) => {
        if (connected) this.#log.info('the cluster is connected')
        else this.#log.warn({ err: cause }, 'the cluster is lost: this node is on its own')
        this.nodes.connection(connected)
      },
    }
  }
}
