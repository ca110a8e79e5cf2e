import { RookeryError } from '../core/protocol/errors.ts'
import type { Untyped, User, WelcomeFrame } from '../core/protocol/protocol.ts'
import type { SessionFrame } from './connection/connection.ts'
import { Connector } from './connection/connection-manager.ts'
import { Outbox } from './messages/send-queue.ts'
import type { Listener, Subscription } from './messages/subscription.ts'
import { Interests } from './messages/subscriptions.ts'
import { type ClientOptions, milliseconds, readOptions, type Settings } from './options.ts'
import type { CallOptions, Client, ClientEvents, ClientState, SendOptions } from './types.ts'
import { Emitter } from './util/emitter.ts'

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
  readonly #outbox: Outbox
  readonly #connector: Connector
  #state: ClientState = 'idle'
  #welcome: WelcomeFrame | undefined
  #closedBy: RookeryError | undefined
  #flushing = false

  constructor(settings: Settings) {
    this.#settings = settings
    this.#outbox = new Outbox(() => this.#connector.tidy())
    this.#interests = new Interests(
      settings.reconnect,
      () => this.#outbox.nextId(),
      () => this.#flushSoon(),
    )
    this.#connector = new Connector(settings, this.#outbox, this.#interests, {
      connecting: () => this.#become('connecting', { transport: this.transport as string }),
      open: (welcome) => this.#opened(welcome),
      frame: (frame) => this.#receive(frame),
      invalid: (error) => this.#events.emit('error', error),
      lost: (error, wait) => this.#lost(error, wait),
      refused: (error) => this.#shut(error, { final: false }),
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
    return this.#connector.link?.transport.name ?? null
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
    const answer = this.#outbox.call(topic, payload, limits)
    this.#flushSoon()
    return (await answer) as R
  }

  send(topic: string, payload?: unknown, { volatile = false }: SendOptions = {}): void {
    if (volatile && this.#state !== 'open') return
    this.#assertRoom()
    this.#outbox.send(topic, payload)
    this.#flushSoon()
  }

  connect(): void {
    if (this.#state === 'closed') this.#interests.reset()
    this.#closedBy = undefined
    this.#connector.connect()
  }

  close(): void {
    this.#flush(true)
    this.#connector.close()
    this.#shut(new RookeryError('client_closed'), { final: true })
  }

  #become(state: ClientState, detail: ClientEvents['state'][1]): void {
    this.#state = state
    this.#events.emit('state', state, detail)
  }

  /** The server has said welcome: after an attempt, or over a better transport than the one in use so far. */
  #opened(welcome: WelcomeFrame): void {
    const { session } = welcome
    const transport = this.transport as string
    this.#welcome = welcome
    this.#state = 'open'
    const tooLarge = this.#outbox.limit(welcome.maxPayload ?? Number.POSITIVE_INFINITY)
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
      this.#interests.answer(frame)
      this.#outbox.answer(frame)
    } else if (frame.type === 'unsubscribed') {
      this.#interests.revoke(frame)
    } else {
      this.#interests.dispatch(frame)
    }
  }

  /** The connection or the attempt has ended; without a wait, another attempt is under way. */
  #lost(error: RookeryError, wait: number | undefined): void {
    const wasOpen = this.#welcome !== undefined
    const waits = wait !== undefined
    this.#welcome = undefined
    this.#state = waits ? 'waiting' : 'connecting'
    this.#interests.reset()
    this.#become(this.#state, {
      error,
      ...(waits ? { retryIn: wait } : { transport: this.transport as string }),
    })
    if (!wasOpen) return
    const willReconnect = this.state !== 'closed'
    this.#events.emit('close', { error, willReconnect, retryIn: willReconnect ? (wait ?? 0) : null })
  }

  /** Closes: for good, or until `connect()` after the server refused this client. */
  #shut(error: RookeryError, { final }: { final: boolean }): void {
    const wasOpen = this.#welcome !== undefined
    const wasClosed = this.#state === 'closed'
    this.#welcome = undefined
    this.#state = 'closed'
    this.#closedBy ??= error
    this.#outbox.clear(error)
    if (final) this.#interests.clear(error)
    else this.#interests.reset(error)
    if (!wasClosed) this.#events.emit('state', 'closed', final ? {} : { error })
    if (wasOpen) this.#events.emit('close', { error, willReconnect: false, retryIn: null })
    if (!final) this.#events.emit('error', error)
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

  /** @param last whether there is no later: nothing is held back then */
  #flush(last = false): void {
    const { link, holds } = this.#connector
    if (this.#state !== 'open' || !link || (holds && !last)) return
    const frames = [...this.#interests.frames(), ...this.#outbox.take(link)]
    if (frames.length > 0) link.send(frames)
  }

  #assertNotClosed(): void {
    if (this.#state !== 'closed') return
    throw new RookeryError('client_closed', undefined, { cause: this.#closedBy })
  }

  #assertRoom(): void {
    this.#assertNotClosed()
    const { maxQueue } = this.#settings
    if (this.#state === 'open' || this.#outbox.waiting < maxQueue) return
    throw new RookeryError('queue_full')
  }
}
