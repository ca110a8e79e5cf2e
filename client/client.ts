import { RookeryError } from '../core/protocol/errors.ts'
import type { Untyped, User, WelcomeFrame } from '../core/protocol/protocol.ts'
import type { SessionFrame } from './connection/connection.ts'
import { ConnectionManager } from './connection/connection-manager.ts'
import { SendQueue } from './messages/send-queue.ts'
import type { Listener, Subscription } from './messages/subscription.ts'
import { Subscriptions } from './messages/subscriptions.ts'
import { type ClientOptions, readMilliseconds, readOptions, type Settings } from './options.ts'
import type { CallOptions, Client, ClientEvents, ClientState, SendOptions } from './types.ts'
import { Emitter } from './util/emitter.ts'

/**
 * Creates a client and connects it, unless `autoConnect` is false.
 *
 * The client keeps trying to connect until `close()`, or until a server refuses it for good. So the server may start
 * after the client.
 *
 * @throws `invalid_option`
 * @example
 * const client = createClient({ url: 'http://localhost:3000' })
 * client.subscribe('rooms/42/*', (payload, message) => console.log(message.topic, payload))
 * await client.call('chat/send', { text: 'hello' })
 */
export const createClient = <Contract = Untyped>(options: ClientOptions = {}): Client<Contract> => {
  const settings = readOptions(options)
  const client = new ReconnectingClient(settings)
  if (settings.autoConnect) client.connect()
  return client
}

/** While more bytes than this wait to be sent, messages stay in the queue and `maxQueue` applies. */
const MAX_BUFFERED_BYTES = 1024 * 1024

/** How often the client looks whether the connection has sent enough to take more, in milliseconds. */
const BUFFER_CHECK_MS = 50

class ReconnectingClient implements Client {
  readonly #settings: Settings
  readonly #events = new Emitter<ClientEvents>()
  readonly #subscriptions: Subscriptions
  readonly #queue: SendQueue
  readonly #connections: ConnectionManager
  #state: ClientState = 'idle'
  #welcome: WelcomeFrame | undefined
  #closedBy: RookeryError | undefined
  #flushScheduled = false
  #flushTimer: ReturnType<typeof setTimeout> | undefined

  constructor(settings: Settings) {
    this.#settings = settings
    this.#queue = new SendQueue(() => this.#connections.closeDrained())
    this.#subscriptions = new Subscriptions(
      settings.reconnect,
      () => this.#queue.nextId(),
      () => this.#flushSoon(),
    )
    this.#connections = new ConnectionManager(settings, this.#queue, this.#subscriptions, {
      connecting: () => this.#become('connecting', { transport: this.transport as string }),
      open: (welcome) => this.#opened(welcome),
      frame: (frame) => this.#receive(frame),
      invalid: (error) => this.#events.emit('error', error),
      lost: (error, wait) => this.#lost(error, wait),
      refused: (error) => this.#end(error, { final: false }),
      resume: () => this.#flushSoon(),
    })
  }

  get state(): ClientState {
    return this.#state
  }

  get session(): string | null {
    return this.#welcome?.session ?? null
  }

  get user(): User | null {
    return this.#welcome?.user ?? null
  }

  get transport(): string | null {
    return this.#connections.current?.transport.name ?? null
  }

  get buffered(): number {
    return (this.#connections.current?.buffered ?? 0) + this.#queue.bytes
  }

  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (...args: ClientEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener)
  }

  subscribe<P = unknown>(pattern: string, listener: Listener<P>): Subscription {
    this.#assertNotClosed()
    return this.#subscriptions.add(pattern, listener as Listener)
  }

  async call<R = unknown>(topic: string, payload?: unknown, options: CallOptions = {}): Promise<R> {
    const { timeout = this.#settings.callTimeout, signal } = options
    this.#assertCanSend()
    const limits = { timeout: readMilliseconds('timeout', timeout), signal }
    const reply = this.#queue.call(topic, payload, limits)
    this.#flushSoon()
    return (await reply) as R
  }

  send(topic: string, payload?: unknown, { volatile = false }: SendOptions = {}): void {
    if (volatile && this.#holdsBack()) return
    this.#assertCanSend()
    this.#queue.send(topic, payload)
    this.#flushSoon()
  }

  connect(): void {
    if (this.#state === 'closed') this.#subscriptions.reset()
    this.#closedBy = undefined
    this.#connections.connect()
  }

  close(): void {
    this.#flush(true)
    this.#connections.close()
    this.#end(new RookeryError('client_closed'), { final: true })
  }

  #become(state: ClientState, detail: ClientEvents['state'][1]): void {
    this.#state = state
    this.#events.emit('state', state, detail)
  }

  /** The server has sent `welcome`, after an attempt or over a better transport than the one in use so far. */
  #opened(welcome: WelcomeFrame): void {
    const { session } = welcome
    const transport = this.transport as string
    this.#welcome = welcome
    this.#state = 'open'
    const tooLarge = this.#queue.limit(welcome.maxPayload ?? Number.POSITIVE_INFINITY)
    this.#flush()
    this.#become('open', { transport })
    // A listener may have closed the client.
    if (this.session === session) this.#events.emit('open', { session, user: this.user, transport })
    for (const error of tooLarge) this.#events.emit('error', error)
  }

  #receive(frame: SessionFrame): void {
    if (frame.type === 'error') {
      this.#events.emit('error', RookeryError.from(frame.error))
    } else if (frame.type === 'reply') {
      this.#subscriptions.onReply(frame)
      this.#queue.onReply(frame)
    } else if (frame.type === 'unsubscribed') {
      this.#subscriptions.revoke(frame)
    } else {
      this.#subscriptions.dispatch(frame)
    }
  }

  /**
   * The connection or the attempt has ended.
   *
   * @param wait milliseconds until the next attempt; undefined when it has begun already
   */
  #lost(error: RookeryError, wait: number | undefined): void {
    const wasOpen = this.#welcome !== undefined
    const waits = wait !== undefined
    this.#welcome = undefined
    this.#state = waits ? 'waiting' : 'connecting'
    this.#subscriptions.reset()
    this.#become(this.#state, {
      error,
      ...(waits ? { retryIn: wait } : { transport: this.transport as string }),
    })
    if (!wasOpen) return
    const willReconnect = this.state !== 'closed'
    this.#events.emit('close', { error, willReconnect, retryIn: willReconnect ? (wait ?? 0) : null })
  }

  /** @param final false when the server refused this client: `connect()` restores the subscriptions then */
  #end(error: RookeryError, { final }: { final: boolean }): void {
    const wasOpen = this.#welcome !== undefined
    const wasClosed = this.#state === 'closed'
    this.#welcome = undefined
    this.#state = 'closed'
    this.#closedBy ??= error
    this.#queue.clear(error)
    clearTimeout(this.#flushTimer)
    if (final) this.#subscriptions.clear(error)
    else this.#subscriptions.reset(error)
    if (!wasClosed) this.#events.emit('state', 'closed', final ? {} : { error })
    if (wasOpen) this.#events.emit('close', { error, willReconnect: false, retryIn: null })
    if (!final) this.#events.emit('error', error)
  }

  /** Sends in a microtask: the frames of one turn leave in one write. */
  #flushSoon(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    queueMicrotask(() => {
      this.#flushScheduled = false
      this.#flush()
    })
  }

  /** @param last whether the client closes now: it then sends even during a switch of the transport */
  #flush(last = false): void {
    const { current, paused } = this.#connections
    if (this.#state !== 'open' || !current || (paused && !last)) return
    clearTimeout(this.#flushTimer)
    const isFull = !last && current.buffered > MAX_BUFFERED_BYTES
    const frames = [...this.#subscriptions.frames(), ...(isFull ? [] : this.#queue.take(current))]
    if (frames.length > 0) current.send(frames)
    if (isFull) this.#flushTimer = setTimeout(() => this.#flush(), BUFFER_CHECK_MS)
  }

  /** Whether a message has to wait: there is no connection, or its buffer is full. */
  #holdsBack(): boolean {
    if (this.#state !== 'open') return true
    // The queue may hold only messages of this turn, which the connection takes now.
    if (this.buffered > MAX_BUFFERED_BYTES) this.#flush()
    return this.buffered > MAX_BUFFERED_BYTES
  }

  #assertNotClosed(): void {
    if (this.#state !== 'closed') return
    throw new RookeryError('client_closed', undefined, { cause: this.#closedBy })
  }

  #assertCanSend(): void {
    this.#assertNotClosed()
    if (!this.#holdsBack() || this.#queue.size < this.#settings.maxQueue) return
    throw new RookeryError('queue_full')
  }
}
