import { RookeryError } from '../core/errors.ts'
import type { ErrorFrame, MessageFrame, ReplyFrame, Untyped, User, WelcomeFrame } from '../core/protocol.ts'
import { backoff } from './backoff.ts'
import { Emitter } from './emitter.ts'
import { Interests } from './interests.ts'
import { Link, type LinkEnd } from './link.ts'
import { type ClientOptions, milliseconds, readOptions, type Settings } from './options.ts'
import { Outbox } from './outbox.ts'
import type { Listener, Subscription } from './subscription.ts'
import type { CallOptions, Client, ClientEvents, ClientState, SendOptions } from './types.ts'
import { onWake } from './wake.ts'

/** A connection that held this long, in milliseconds, was worth having: the waits start from `min` again. */
const USEFUL = 5_000

/**
 * Makes a client and, unless `autoConnect` is false, connects it. It keeps trying until it is closed or a
 * server tells it not to come back, so the server may start later.
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

class ReconnectingClient implements Client {
  readonly #settings: Settings
  readonly #events = new Emitter<ClientEvents>()
  readonly #interests: Interests
  readonly #outbox = new Outbox()
  #state: ClientState = 'idle'
  #link: Link | undefined
  #welcome: WelcomeFrame | undefined
  #openedAt = 0
  /** Attempts and short-lived connections in a row. */
  #failures = 0
  /** Index of the transport in use, or to be used next. */
  #choice = 0
  #nextAttempt: ReturnType<typeof setTimeout> | undefined
  #stopWaking: (() => void) | undefined
  #closedBy: RookeryError | undefined
  #lastId = 0
  #flushing = false

  constructor(settings: Settings) {
    this.#settings = settings
    this.#interests = new Interests(
      settings.reconnect,
      () => ++this.#lastId,
      () => this.#flushSoon(),
    )
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
    return (this.#link && this.#settings.transports[this.#choice]?.name) ?? null
  }

  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (...args: ClientEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener)
  }

  subscribe<P = unknown>(pattern: string, listener: Listener<P>): Subscription {
    this.#assertNotClosed()
    return this.#interests.add(pattern, listener as Listener)
  }

  async call<R = unknown>(topic: string, payload?: unknown, options: CallOptions = {}): Promise<R> {
    const { timeout = this.#settings.callTimeout, signal } = options
    this.#assertRoom()
    const limits = { timeout: milliseconds('timeout', timeout), signal }
    const answer = this.#outbox.call(++this.#lastId, topic, payload, limits)
    this.#flushSoon()
    return (await answer) as R
  }

  send(topic: string, payload?: unknown, { volatile = false }: SendOptions = {}): void {
    if (volatile && this.#state !== 'open') return
    this.#assertRoom()
    this.#outbox.send(++this.#lastId, topic, payload)
    this.#flushSoon()
  }

  connect(): void {
    if (this.#link) return
    if (this.#state === 'closed') this.#interests.reset()
    this.#closedBy = undefined
    this.#stopWaking ??= onWake(() => this.#wake())
    this.#dial()
  }

  close(): void {
    this.#flush()
    this.#link?.close()
    this.#shut(new RookeryError('client_closed'), { final: true })
  }

  #dial(): void {
    clearTimeout(this.#nextAttempt)
    const transport = this.#settings.transports[this.#choice]!
    this.#link = new Link(transport, this.#settings, {
      open: (welcome) => this.#opened(welcome),
      frame: (frame) => this.#receive(frame),
      invalid: (error) => this.#events.emit('error', error),
      end: (end) => this.#ended(end),
    })
    this.#state = 'connecting'
    this.#events.emit('state', 'connecting', {})
  }

  #opened(welcome: WelcomeFrame): void {
    const link = this.#link
    this.#welcome = welcome
    this.#openedAt = Date.now()
    this.#state = 'open'
    const tooLarge = this.#outbox.limit(welcome.maxPayload ?? Number.POSITIVE_INFINITY)
    this.#flush()
    this.#events.emit('state', 'open', {})
    // A listener may have closed the client.
    if (this.#link === link) this.#events.emit('open', { session: welcome.session, user: this.user })
    for (const error of tooLarge) this.#events.emit('error', error)
  }

  #receive(frame: MessageFrame | ReplyFrame | ErrorFrame): void {
    if (frame.type === 'error') {
      this.#events.emit('error', RookeryError.from(frame.error))
    } else if (frame.type === 'reply') {
      this.#interests.answer(frame)
      this.#outbox.answer(frame)
    } else {
      this.#interests.dispatch(frame)
    }
  }

  #ended({ error, retryIn }: LinkEnd): void {
    if (retryIn === null) {
      this.#shut(error, { final: false })
      return
    }
    const wasOpen = this.#welcome !== undefined
    if (wasOpen && Date.now() - this.#openedAt >= USEFUL) this.#failures = 0
    const wait = retryIn ?? this.#ownWait()
    this.#link = this.#welcome = undefined
    this.#nextAttempt = setTimeout(() => this.#dial(), wait)
    this.#state = 'waiting'
    this.#outbox.disconnect(error)
    this.#interests.reset()
    this.#events.emit('state', 'waiting', { error, retryIn: wait })
    if (!wasOpen) return
    const willReconnect = this.state !== 'closed'
    this.#events.emit('close', { error, willReconnect, retryIn: willReconnect ? wait : null })
  }

  /** How long to wait where the server did not say. What never opened lets the next transport try first. */
  #ownWait(): number {
    const { transports, reconnect } = this.#settings
    if (!this.#welcome) {
      this.#choice = (this.#choice + 1) % transports.length
      if (this.#choice !== 0) return 0
    }
    return Math.round(backoff(this.#failures++, reconnect))
  }

  /** Closes: for good, or until `connect()` after the server refused this client. */
  #shut(error: RookeryError, { final }: { final: boolean }): void {
    const wasOpen = this.#welcome !== undefined
    const wasClosed = this.#state === 'closed'
    clearTimeout(this.#nextAttempt)
    this.#stopWaking?.()
    this.#stopWaking = this.#link = this.#welcome = undefined
    this.#failures = 0
    this.#state = 'closed'
    this.#closedBy ??= error
    this.#outbox.clear(error)
    if (final) this.#interests.clear(error)
    else this.#interests.reset(error)
    if (!wasClosed) this.#events.emit('state', 'closed', final ? {} : { error })
    if (wasOpen) this.#events.emit('close', { error, willReconnect: false, retryIn: null })
    if (!final) this.#events.emit('error', error)
  }

  #wake(): void {
    if (this.#state === 'waiting') this.#dial()
    else this.#link?.check()
  }

  /** Sends after the current turn, so that what belongs together goes together. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#state !== 'open') return
    const frames = [...this.#interests.frames(), ...this.#outbox.take()]
    if (frames.length > 0) this.#link?.send(frames)
  }

  #assertNotClosed(): void {
    if (this.#state !== 'closed') return
    throw new RookeryError('client_closed', undefined, { cause: this.#closedBy })
  }

  #assertRoom(): void {
    this.#assertNotClosed()
    const { maxQueue } = this.#settings
    if (this.#state === 'open' || this.#outbox.waiting < maxQueue) return
    throw new RookeryError('queue_full', `${maxQueue} messages already wait for the connection`)
  }
}
