import type { ContractReader } from '../core/contract/contract.ts'
import { RookeryError } from '../core/protocol/errors.ts'
import type { User, WelcomeFrame } from '../core/protocol/protocol.ts'
import { ConnectionManager } from './connection/connection-manager.ts'
import type { CreateFallback } from './connection/fallback.ts'
import { type PageOptions, readHistory } from './history.ts'
import {
  type CallOptions,
  readSubscribeOptions,
  type SendOptions,
  type SubscribeOptions,
} from './message-options.ts'
import { receive } from './messages/receive.ts'
import type { Room } from './messages/room.ts'
import { Rooms } from './messages/rooms.ts'
import { SendQueue } from './messages/send-queue.ts'
import { Sender } from './messages/sender.ts'
import type { Listener, Subscription } from './messages/subscription.ts'
import { Subscriptions } from './messages/subscriptions.ts'
import type { Settings } from './options.ts'
import type { Client, ClientEvents, ClientState, ConnectionInfo } from './types.ts'
import { warn } from './util/debug-log.ts'
import { Emitter } from './util/emitter.ts'
import { isError } from './util/is-error.ts'
import { readMilliseconds } from './util/option-values.ts'

/** The client of all entry points. */
export class ReconnectingClient implements Client {
  readonly isError: Client['isError'] = isError
  readonly #settings: Settings
  readonly #events = new Emitter<ClientEvents>()
  readonly #subscriptions: Subscriptions
  readonly #contract: ContractReader | undefined
  readonly #queue: SendQueue
  readonly #sender: Sender
  readonly #rooms: Rooms
  readonly #connections: ConnectionManager
  #state: ClientState = 'idle'
  #welcome: WelcomeFrame | undefined
  #closedBy: RookeryError | undefined
  #hasWarned = false

  constructor(settings: Settings, fallback: CreateFallback | undefined) {
    this.#settings = settings
    this.#queue = new SendQueue(() => this.#connections.closeDrained())
    const host = {
      nextId: () => this.#queue.nextId(),
      due: () => this.#sender.soon(),
      refused: (error: RookeryError) => this.#reportRefusal(error),
      invalid: (error: RookeryError) => this.#events.emit('error', error),
    }
    this.#contract = settings.contract?.createReader({ invalid: host.refused, warn })
    this.#subscriptions = new Subscriptions(settings.reconnect, host, settings.cursors)
    this.#rooms = new Rooms(this.#queue, settings.reconnect, this, this.#subscriptions, host)
    const restored = { subscriptions: this.#subscriptions, rooms: this.#rooms }
    this.#sender = new Sender(restored, this.#queue, (last) => {
      const { current, paused } = this.#connections
      return this.#state === 'open' && (last || !paused) ? current : undefined
    })
    const parts = { ...restored, queue: this.#queue, contract: this.#contract, error: host.invalid }
    this.#connections = new ConnectionManager(settings, fallback, this.#queue, restored, {
      connecting: () => this.#become('connecting', { transport: this.transport as string }),
      open: (welcome) => this.#opened(welcome),
      frame: (frame) => receive(frame, parts),
      invalid: host.invalid,
      lost: (error, wait) => this.#lost(error, wait),
      refused: (error) => this.#end(error, { final: false }),
      resume: () => this.#sender.soon(),
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

  get cursor(): string | null {
    return this.#subscriptions.positions.cursor
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

  subscribe<P = unknown>(
    pattern: string,
    listener: Listener<P>,
    options: SubscribeOptions = {},
  ): Subscription {
    this.#assertNotClosed()
    return this.#subscriptions.add(pattern, listener as Listener, readSubscribeOptions(options))
  }

  join(room: string): Room {
    this.#assertNotClosed()
    return this.#rooms.add(room)
  }

  async call<R = unknown>(topic: string, payload?: unknown, options: CallOptions = {}): Promise<R> {
    const { timeout = this.#settings.callTimeout, signal } = options
    this.#assertCanSend()
    const reply = this.#queue.call(topic, payload, { timeout: readMilliseconds('timeout', timeout), signal })
    this.#sender.soon()
    const result = await reply
    return (this.#contract ? await this.#contract.reply(topic, result) : result) as R
  }

  readonly history = ((pattern: string, options: PageOptions) =>
    readHistory((...args) => this.call(...args), this.#contract, pattern, options)) as Client['history']

  send(topic: string, payload?: unknown, { volatile = false }: SendOptions = {}): void {
    if (volatile && !this.#sender.isFree) return
    this.#assertCanSend()
    this.#queue.send(topic, payload)
    this.#sender.soon()
  }

  connect(): void {
    const { problem } = this.#settings
    if (problem) throw problem
    if (this.#state === 'closed') {
      this.#subscriptions.reset()
      this.#rooms.reset()
    }
    this.#closedBy = undefined
    this.#connections.connect()
  }

  ready(): Promise<ConnectionInfo> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        if (this.#welcome) resolve(this.#connectionInfo)
        else if (this.#state === 'closed') reject(this.#closedBy)
        else return false
        return true
      }
      if (settle()) return
      const stop = this.on('state', () => settle() && stop())
    })
  }

  close(): void {
    this.#sender.flush(true)
    this.#connections.close()
    this.#end(new RookeryError('client_closed'), { final: true })
  }

  get #connectionInfo(): ConnectionInfo {
    return { session: this.session as string, user: this.user, transport: this.transport as string }
  }

  #become(state: ClientState, detail: ClientEvents['state'][1]): void {
    this.#state = state
    this.#settings.debug(state, detail)
    this.#events.emit('state', state, detail)
  }

  /** The server has sent `welcome`, after an attempt or over a better transport than the one in use so far. */
  #opened(welcome: WelcomeFrame): void {
    const { session } = welcome
    const transport = this.transport as string
    this.#welcome = welcome
    this.#state = 'open'
    this.#contract?.compare(welcome)
    const tooLarge = this.#queue.limit(welcome.maxPayload ?? Number.POSITIVE_INFINITY)
    this.#subscriptions.welcome(welcome)
    this.#sender.flush()
    this.#become('open', { transport })
    // A listener may have closed the client.
    if (this.session === session) this.#events.emit('open', this.#connectionInfo)
    for (const error of tooLarge) this.#events.emit('error', error)
  }

  /** Reports a refused subscription or join that the application does not observe, or a message that is not valid. */
  #reportRefusal(error: RookeryError): void {
    if (this.#events.emit('error', error) || this.#hasWarned) return
    this.#hasWarned = true
    warn(`${error.message} (${error.code}). Handle it with client.on('error', …)`)
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
    this.#rooms.reset()
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
    for (const restored of [this.#subscriptions, this.#rooms]) restored[final ? 'clear' : 'reset'](error)
    this.#sender.stop()
    this.#settings.cursors.save()
    if (!wasClosed) this.#become('closed', final ? {} : { error })
    if (wasOpen) this.#events.emit('close', { error, willReconnect: false, retryIn: null })
    if (!final) this.#events.emit('error', error)
  }

  #assertNotClosed(): void {
    if (this.#state !== 'closed') return
    throw new RookeryError('client_closed', undefined, { cause: this.#closedBy })
  }

  #assertCanSend(): void {
    this.#assertNotClosed()
    const { maxQueue } = this.#settings
    // Messages that can leave now do not count.
    if (this.#queue.size >= maxQueue) this.#sender.flush()
    if (this.#sender.isFree || this.#queue.size < maxQueue) return
    throw new RookeryError('queue_full')
  }
}
