import { FairQueue } from '../admission/fair-queue.ts'
import { Bus } from '../bus/bus.ts'
import type { Event, EventInit } from '../bus/event.ts'
import { Addressing } from '../cluster/addressing.ts'
import type {
  ClusterBackend,
  ClusterHost,
  ClusterMessage,
  NodeChange,
  Question,
  Target,
} from '../cluster/cluster.ts'
import { NodeRegistry, nodeAddress } from '../cluster/nodes.ts'
import { Handlers } from '../handlers/handlers.ts'
import { MessageContext } from '../handlers/message-context.ts'
import { errorTable, isPublic, RookeryError } from '../protocol/errors.ts'
import { Frame } from '../protocol/frame.ts'
import type { SendFrame } from '../protocol/protocol.ts'
import type { Access } from '../sessions/authorization.ts'
import { Delivery } from '../sessions/fan-out.ts'
import type { Session } from '../sessions/live-session.ts'
import { Flusher } from '../sessions/outbox.ts'
import { type Limits, logId } from '../sessions/session-host.ts'
import { Admission, type AdmissionHost } from '../sessions/session-opener.ts'
import { addressOf, SessionRegistry } from '../sessions/session-registry.ts'
import type { Handshake, TransportHost, Wire } from '../sessions/transport.ts'
import { assertPattern, assertTopic, isReserved } from '../topics/topic.ts'
import type { Logger } from '../util/logger.ts'
import type { AppSettings } from './app-options.ts'

/** Joins the parts of an app: opens sessions, runs their messages, and delivers published messages. */
export class Engine implements AdmissionHost, TransportHost, ClusterHost {
  readonly bus: Bus
  readonly handlers: Handlers
  readonly sessions: SessionRegistry
  readonly nodes: NodeRegistry
  readonly limits: Limits
  readonly access: Access
  /** Refusals so far, by error code. */
  readonly refusals: Record<string, number> = {}
  readonly flusher = new Flusher()
  readonly fairQueue = new FairQueue({ beforeRound: () => this.flusher.flush() })
  readonly delivery: Delivery
  readonly #addressing: Addressing
  readonly #log: Logger
  #cluster: ClusterBackend | undefined
  readonly #admission: Admission
  /** Listeners that plugins added before the app joined the cluster. */
  readonly #early: (() => void)[] = []
  #dropped = 0
  #dropReport: NodeJS.Timeout | undefined

  constructor(settings: AppSettings, log: Logger) {
    this.#log = log
    this.limits = settings.limits
    this.#admission = new Admission(this)
    this.bus = new Bus(log, settings.bus, {
      toClients: (event, here) => this.#toClients(event, here),
      toOthers: (event) => this.#cluster?.emit(event) ?? false,
      listen: (pattern, group, wanted) => this.#listen(pattern, group, wanted),
    })
    this.handlers = new Handlers(settings.handlerTimeout)
    const interest = (pattern: string, wanted: boolean) => this.#cluster?.interest(pattern, wanted)
    this.delivery = new Delivery(interest)
    this.nodes = new NodeRegistry(log, {
      deliver: (message) => this.#toSessions(message),
      publish: (event) => this.bus.publishHere({ ...event, client: event.client ?? {} }),
    })
    this.sessions = new SessionRegistry(interest, (target, error) =>
      this.#addressing.disconnect(target, error),
    )
    this.#addressing = new Addressing(this.sessions, this.nodes)
    this.access = this.sessions.access
  }

  /** Connects the app to other nodes. */
  join(cluster: ClusterBackend): void {
    this.#cluster = cluster
    this.nodes.join(cluster)
    cluster.interest(nodeAddress(cluster.node), true)
    for (const listen of this.#early.splice(0)) listen()
  }

  /** Starts or stops accepting connections. */
  accept(accepting: boolean): void {
    this.#admission.accept(accepting)
  }

  /** What is in use, for leak checks. */
  get usage(): { readonly sessions: number; readonly patterns: number; readonly nodes: number } {
    return { sessions: this.sessions.size, ...this.delivery.size }
  }

  // ---- publishing

  publish(input: string | EventInit, payload?: unknown): Promise<void> {
    this.bus.publish(
      typeof input === 'object' && input !== null
        ? { ...input, client: input.client ?? {} }
        : { topics: [input], payload, client: {} },
    )
    return ACCEPTED
  }

  #toClients({ topics, client, except }: Event, here: boolean): void {
    if (!client) return
    const { topic, payload } = client
    const frame = new Frame(topics.includes(topic) ? { topic, payload } : { topic, payload, topics })
    this.delivery.deliver(topics, frame, except)
    if (!here) this.#cluster?.publish({ topics, topic, payload: frame.payloadText, except, kind: null })
  }

  #toSessions({ topics, topic, payload, except }: ClusterMessage): void {
    const frame = Frame.ofText(topic, payload, topics.includes(topic) ? undefined : topics)
    this.delivery.deliver(topics, frame, except)
  }

  #listen(pattern: string, group: string | null, wanted: boolean): void {
    if (this.#cluster) this.#cluster.listen(pattern, group, wanted)
    else this.#early.push(() => this.#cluster?.listen(pattern, group, wanted))
  }

  async send(target: Target, topic: string, payload: unknown): Promise<number> {
    return this.#addressing.send(target, topic, payload)
  }

  // ---- for the cluster

  deliver(message: ClusterMessage, node: string | null): void {
    this.nodes.received(message, node)
  }

  emit(event: Event, group: string | null): void {
    this.bus.emitFromElsewhere(event, group)
  }

  answer(question: Question, node: string | null): unknown {
    return this.nodes.asked(question, node)
  }

  changed(node: string, change: NodeChange): void {
    this.nodes.changed(node, change)
  }

  connection(connected: boolean, cause?: unknown): void {
    if (connected) this.#log.info('the cluster is connected')
    else this.#log.warn({ err: cause }, 'the cluster is lost: this node is on its own')
  }

  // ---- for transports

  begin<T>(address: string, act: () => T | Promise<T>): Promise<T> {
    return this.#admission.begin(address, act)
  }

  open(handshake: Handshake, wire: Wire): Promise<Session> {
    return this.#admission.open(handshake, wire)
  }

  refused(error: RookeryError, { transport, address }: Handshake): void {
    const { code } = error
    this.#log.debug({ code, transport, address }, 'a connection was refused')
  }

  sessionId(): string {
    return `${this.#cluster?.node ?? ''}-${crypto.randomUUID().replaceAll('-', '')}`
  }

  // ---- for sessions

  token(session: Session, token: string): Promise<unknown> {
    return this.sessions.token(session, token)
  }

  renewed(session: Session): Promise<void> {
    return this.sessions.renewed(session)
  }

  count({ code }: RookeryError): void {
    // Applications may have many codes of their own.
    const key = Object.hasOwn(errorTable, code) ? code : 'other'
    this.refusals[key] = (this.refusals[key] ?? 0) + 1
  }

  checkPattern(pattern: string): void {
    assertPattern(pattern)
    if (isReserved(pattern)) throw new RookeryError('reserved_topic')
  }

  addressed(target: Target, session: Session, there: boolean): void {
    this.sessions.address(addressOf(target), session, there)
  }

  dispatch(session: Session, frame: SendFrame): unknown {
    const { topic } = frame
    if (!this.#admission.accepting) throw new RookeryError('shutting_down')
    assertTopic(topic)
    if (isReserved(topic)) throw new RookeryError('reserved_topic')
    const checked = this.access.unlimited ? undefined : this.access.check(session, 'send', topic)
    return checked ? checked.then(() => this.#handle(session, frame)) : this.#handle(session, frame)
  }

  #handle(session: Session, { topic, payload }: SendFrame): unknown {
    return this.handlers.run(new MessageContext(session, topic, payload, this))
  }

  expose(error: unknown, session: Session, topic: string): RookeryError {
    const first = error instanceof AggregateError ? (error.errors.find(isPublic) ?? error) : error
    if (first !== error)
      this.#log.error({ err: error, session: logId(session), topic }, 'several handlers failed')
    return this.coded(first, { session: logId(session), topic, stage: 'handler' })
  }

  report(error: unknown, session: Session, stage: string): void {
    this.#log.error({ err: error, session: logId(session), stage }, 'a session was in trouble')
  }

  dropped(count: number): void {
    this.#dropped += count
    this.#dropReport ??= setTimeout(() => this.#reportDrops(), 1000).unref()
  }

  ended(session: Session, error: RookeryError | undefined): void {
    if (error) this.count(error)
    session.onEnd()
    this.sessions.remove(session, error, (failure) => this.report(failure, session, 'close'))
    for (const room of [...session.rooms]) session.exitRoom(room)
  }

  /** The part of an error that a client may see. The rest is logged, with an id that the client gets too. */
  coded(error: unknown, fields: object): RookeryError {
    if (isPublic(error)) return error
    const id = crypto.randomUUID()
    this.#log.error({ err: error, errorId: id, ...fields }, 'an internal error was hidden from a client')
    return new RookeryError('internal', undefined, { id })
  }

  #reportDrops(): void {
    this.#log.warn({ dropped: this.#dropped }, 'slow consumers did not get some messages')
    this.#dropped = 0
    this.#dropReport = undefined
  }
}

/** Shared promise: most callers do not await `publish`. */
const ACCEPTED = Promise.resolve()
