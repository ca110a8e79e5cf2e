import { closeFrame, PING, welcomeFrame } from '../protocol/control-frames.ts'
import { RookeryError } from '../protocol/errors.ts'
import { Frame } from '../protocol/frame.ts'
import type { ClientFrame, InvalidFrame, User } from '../protocol/protocol.ts'
import { assertTopic } from '../topics/topic.ts'
import { Heartbeat } from './heartbeat.ts'
import { Inbound } from './inbound.ts'
import { Outbox } from './outbox.ts'
import type { SessionHost } from './session-host.ts'
import { SessionPatterns } from './subscriptions.ts'
import type { Handshake, Wire } from './transport.ts'

/**
 * One connected peer: who it is, what it subscribes to, and its outbox. Everything that belongs to it hangs
 * on its `signal` and is gone when it closes.
 */
export class Session {
  /** Unguessable; begins with the id of the node that owns the session. Never show it to another client. */
  readonly id: string
  /** Name of the transport. */
  readonly transport: string
  /** The peer's network address. */
  readonly address: string
  /** @internal */
  readonly patterns: SessionPatterns
  /** @internal Undefined when the peer left by itself. */
  closeReason: RookeryError | undefined
  /** @internal Called when the session has closed, before anybody else is told. */
  onEnd = (): void => {}
  readonly #host: SessionHost
  readonly #wire: Wire
  readonly #outbox: Outbox
  readonly #inbound: Inbound
  readonly #heartbeat: Heartbeat
  #rooms: Set<string> | undefined
  #data: Record<string, unknown> | undefined
  #user: User | null
  #controller: AbortController | undefined
  #closed = false

  /** @internal */
  constructor(id: string, user: User | null, handshake: Handshake, wire: Wire, host: SessionHost) {
    this.id = id
    this.#user = user
    this.transport = handshake.transport
    this.address = handshake.address
    this.#wire = wire
    this.#host = host
    this.#outbox = new Outbox(wire, host.flusher, host.limits, {
      tooSlow: () => this.close(new RookeryError('slow_consumer')),
      dropped: (count) => host.dropped(count),
      broken: (error) => this.#broken(error),
    })
    this.#inbound = new Inbound(this, host)
    this.patterns = new SessionPatterns(this, host)
    this.#heartbeat = new Heartbeat(
      host.limits,
      () => {
        this.#outbox.push(PING)
        wire.ping?.()
      },
      () => this.#dead(),
    )
  }

  /** Room for the application's own things. */
  get data(): Record<string, unknown> {
    return (this.#data ??= {})
  }

  /** Who the session belongs to; null when nobody said. */
  get user(): User | null {
    return this.#user
  }

  /** Rooms that the session is in, in the order of joining. */
  get rooms(): ReadonlySet<string> {
    return this.#rooms ?? NO_ROOMS
  }

  /** The room joined last, of those that the session is in. */
  get room(): string | undefined {
    return this.#rooms && [...this.#rooms].at(-1)
  }

  /** Patterns that the session receives, those that the server added included. */
  get subscriptions(): readonly string[] {
    return this.patterns.list
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Aborts when the session closes, with the reason if there was one. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#closed) this.#controller.abort(this.closeReason ?? new RookeryError('disconnected'))
    }
    return this.#controller.signal
  }

  /**
   * Sends a message to this session alone, whether it subscribes to the topic or not.
   *
   * @throws `invalid_topic`, `unserializable`
   */
  send(topic: string, payload?: unknown): void {
    assertTopic(topic)
    this.push(new Frame({ topic, payload }))
  }

  /** Subscribes the session on the server's behalf. @throws `invalid_pattern` */
  subscribe(pattern: string): void {
    if (!this.#closed) this.patterns.addForServer(pattern)
  }

  /** Takes that back; a subscription of the client's own stays. */
  unsubscribe(pattern: string): void {
    this.patterns.removeForServer(pattern)
  }

  /**
   * Closes the session: the client is told the error, which also says whether it may come back, and whatever
   * was sent before still arrives.
   *
   * @param error `session_closed` by default: do not come back
   */
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

  /**
   * Takes a frame from the peer: its text, or parsed, or what the transport found wrong. What is wrong is answered.
   *
   * @param bytes what the frame took on the wire, where it is not its text
   */
  receive(frame: string | ClientFrame | InvalidFrame, bytes?: number): void {
    if (this.#closed) return
    this.#heartbeat.alive()
    this.#inbound.receive(frame, bytes)
  }

  /** @internal Answers a frame with an error. */
  refuse(error: RookeryError, id?: number): void {
    this.#host.count(error)
    if (id === undefined) this.push(new Frame({ type: 'error', error: error.toJSON() }))
    else this.push(new Frame({ type: 'reply', id, error: error.toJSON() }))
  }

  /** Tells of a sign of life of the transport's own kind. */
  alive(): void {
    if (!this.#closed) this.#heartbeat.alive()
  }

  /** Tells that the connection is broken and may come back: until `alive()` nobody is pinged. */
  suspend(): void {
    this.#heartbeat.stop()
  }

  /** Tells that the connection is gone: what came before is still handled. Idempotent. */
  disconnected(): void {
    if (this.#closed) return
    this.#outbox.drop()
    this.#inbound.afterAll(() => this.#end(undefined))
  }

  /**
   * Changes what is known of the session's user: a new token may say more, or less, of the same one. What is no longer
   * allowed is taken away, and the client is told.
   *
   * @throws `forbidden` when it is another user
   */
  async renew(user: User): Promise<void> {
    if (user.id !== this.#user?.id) throw new RookeryError('forbidden', 'A session keeps its user')
    this.#user = user
    await this.#host.renewed(this)
  }

  /** @internal Queues a frame. */
  push(frame: Frame): void {
    if (this.#closed) return
    // Encoding now, while the payload is what it was when it was published, and so that its fault is the caller's.
    void frame.text
    this.#outbox.push(frame)
  }

  /** @internal Queues a frame that is known to encode; for fan-out. */
  deliver(frame: Frame): void {
    if (!this.#closed) this.#outbox.push(frame)
  }

  /** @internal Says welcome, lets queued frames out and begins to ping. */
  open(): void {
    if (this.#closed) return
    this.#outbox.release(welcomeFrame(this, this.#host.limits))
    if (!this.#wire.selfMonitored) this.#heartbeat.start()
  }

  /** @internal Remembers that the session is in a room. */
  enterRoom(room: string): void {
    this.#rooms ??= new Set()
    this.#rooms.add(room)
    this.#host.addressed({ room }, this, true)
  }

  /** @internal */
  exitRoom(room: string): void {
    if (this.#rooms?.delete(room)) this.#host.addressed({ room }, this, false)
  }

  /** Nobody is listening any more: there is no point in waiting for what was written to leave. */
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
    this.#host.ended(this, error)
  }
}

const NO_ROOMS: ReadonlySet<string> = new Set()
