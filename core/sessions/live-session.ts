import { closeFrame, unsubscribedFrame } from '../protocol/control-frames.ts'
import { RookeryError } from '../protocol/errors.ts'
import { Frame } from '../protocol/frame.ts'
import type { ClientFrame, InvalidFrame, User } from '../protocol/protocol.ts'
import { assertTopic } from '../topics/topic.ts'
import { createAbortController } from '../util/abort.ts'
import type { Subscriber } from './fan-out.ts'
import { Heartbeat } from './heartbeat.ts'
import { Inbound, type InboundSession } from './inbound.ts'
import { Outbox } from './outbox.ts'
import type { ReplayingSession } from './replays.ts'
import { SessionHistory } from './session-history.ts'
import type { SessionHost } from './session-host.ts'
import { SessionRooms } from './session-rooms.ts'
import { type SubscribingSession, Subscriptions } from './subscriptions.ts'
import type { Handshake, Wire } from './transport.ts'
import { welcomeOf } from './welcome.ts'

/** The session of one connected peer. Its timers, subscriptions and rooms end when it closes. */
export class LiveSession implements InboundSession, SubscribingSession, ReplayingSession {
  readonly id: string
  readonly transport: string
  readonly address: string
  readonly client: string
  /** Proves to the server that a new connection belongs to the client of this session. */
  readonly secret: string
  readonly patterns: Subscriptions
  readonly inbound: Inbound
  readonly membership: SessionRooms
  readonly history: SessionHistory
  closeReason: RookeryError | undefined
  /** Resolves when the close hooks have settled. Undefined while the session is open, and if no hook is asynchronous. */
  closing: Promise<unknown> | undefined
  /** Called when the session has closed, before the close hooks. */
  onEnd = (): void => {}
  readonly #host: SessionHost
  readonly #wire: Wire
  readonly #outbox: Outbox
  readonly #heartbeat: Heartbeat
  #data: Record<string, unknown> | undefined
  #user: User | null
  #controller: AbortController | undefined
  #closed = false
  /** The last delivery of the fan-out that the session has taken. It comes again for each pattern that matches. */
  #lastDelivery = 0

  /** @param client of the earlier session of the same client, if it has one */
  constructor(
    id: string,
    user: User | null,
    handshake: Handshake,
    wire: Wire,
    host: SessionHost,
    client: string | null,
  ) {
    this.id = id
    this.client = client ?? id
    this.secret = `${id}.${crypto.randomUUID().replaceAll('-', '')}`
    this.#user = user
    this.transport = handshake.transport
    this.address = handshake.address
    this.#wire = wire
    this.#host = host
    this.#outbox = new Outbox(wire, host.flusher, host.limits, {
      tooSlow: () => this.close(new RookeryError('slow_consumer')),
      dropped: (count) => host.dropped(count),
      behind: (after, upTo) => this.history.resume(after, upTo),
      broken: (error) => this.#broken(error),
    })
    this.membership = new SessionRooms((room, added) => host.addressed({ room }, this, added))
    this.inbound = new Inbound(this, host)
    this.patterns = new Subscriptions(this, host)
    this.history = new SessionHistory(this, host, handshake.since)
    this.#heartbeat = new Heartbeat(
      host.limits,
      () => {
        this.#outbox.push(this.history.ping)
        wire.ping?.()
      },
      () => this.#dead(),
    )
  }

  get data(): Record<string, unknown> {
    return (this.#data ??= {})
  }

  get user(): User | null {
    return this.#user
  }

  get rooms(): ReadonlySet<string> {
    return this.membership.rooms
  }

  get room(): string | undefined {
    return this.membership.only
  }

  get subscriptions(): readonly string[] {
    return this.patterns.list
  }

  get places(): Subscriber['places'] {
    return this.patterns
  }

  get closed(): boolean {
    return this.#closed
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = createAbortController()
      if (this.#closed) this.#controller.abort(this.closeReason ?? new RookeryError('disconnected'))
    }
    return this.#controller.signal
  }

  send(topic: string, payload?: unknown): void {
    assertTopic(topic)
    this.#host.checkMessage(topic, payload)
    this.push(new Frame({ topic, payload }))
  }

  subscribe(pattern: string): void {
    if (!this.#closed) this.patterns.addForServer(pattern)
  }

  unsubscribe(pattern: string): void {
    this.patterns.removeForServer(pattern)
  }

  close(error: RookeryError = new RookeryError('session_closed')): void {
    if (this.#closed) return
    this.#outbox.finish(closeFrame(error))
    this.#end(error)
    try {
      this.#wire.close(error)
    } catch (failure) {
      this.#host.report(failure, this, 'close')
      this.#wire.terminate()
    }
  }

  async renew(user: User): Promise<void> {
    if (user.id !== this.#user?.id) throw new RookeryError('forbidden', 'A session keeps its user')
    const { checkUser } = this.#host
    this.#user = checkUser ? await checkUser(user) : user
    const denied = await this.patterns.recheck()
    if (denied.length > 0) this.push(unsubscribedFrame(denied))
    await this.#host.renewed(this)
  }

  receive(frame: string | ClientFrame | InvalidFrame, bytes?: number): void {
    if (this.#closed) return
    this.#heartbeat.alive()
    this.inbound.receive(frame, bytes)
  }

  refuse(error: RookeryError, id?: number): void {
    this.#host.count(error)
    if (id === undefined) this.push(new Frame({ type: 'error', error: error.toJSON() }))
    else this.push(new Frame({ type: 'reply', id, error: error.toJSON() }))
  }

  alive(): void {
    if (!this.#closed) this.#heartbeat.alive()
  }

  suspend(): void {
    this.#heartbeat.stop()
  }

  disconnected(): void {
    if (this.#closed) return
    this.#outbox.drop()
    this.inbound.afterAll(() => this.#end(undefined))
  }

  push(frame: Frame): void {
    if (this.#closed) return
    // Encode now: the payload may change after this call, and an error belongs to the caller.
    void frame.text
    this.#outbox.push(frame)
  }

  /** Takes a frame of the fan-out. */
  deliver(frame: Frame, _topic: string, topics: readonly string[]): void {
    if (!this.#closed && !this.hasTaken(frame) && !this.patterns.hold(frame, topics)) this.pass(frame)
  }

  hasTaken(frame: Frame): boolean {
    return frame.delivery > 0 && frame.delivery === this.#lastDelivery
  }

  pass(frame: Frame): void {
    if (this.#closed) return
    if (frame.delivery > this.#lastDelivery) this.#lastDelivery = frame.delivery
    if (!this.history.hold(frame)) this.#outbox.push(frame)
  }

  get buffered(): number {
    return this.#wire.buffered
  }

  receives(topic: string, perTopic: boolean): boolean {
    return this.patterns.matches(topic, perTopic)
  }

  /** Sends `welcome` and the frames that have waited for it, and starts the pings. */
  open(): void {
    if (this.#closed) return
    this.#outbox.release(welcomeOf(this, this.#host, this.history.takeCursor()))
    this.history.begin()
    // A peer that does not answer pings learns its position from them.
    if (!this.#wire.selfMonitored || this.#host.kept.history) this.#heartbeat.start(!this.#wire.selfMonitored)
  }

  /** The peer does not answer, so the session does not wait until the last frames have left. */
  #dead(): void {
    const error = new RookeryError('ping_timeout')
    this.#outbox.finish(closeFrame(error))
    this.#end(error)
    this.#wire.terminate()
  }

  #broken(failure: unknown): void {
    this.#host.report(failure, this, 'write')
    this.#outbox.drop()
    this.#end(new RookeryError('internal', undefined, { cause: failure }))
    this.#wire.terminate()
  }

  #end(error: RookeryError | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.closeReason = error
    this.#heartbeat.stop()
    this.patterns.clear()
    this.#controller?.abort(error ?? new RookeryError('disconnected'))
    this.onEnd()
    this.closing = this.#host.ended(this, error)
    this.membership.close()
  }
}
