import type { Socket } from 'node:net'
import type {
  Msg,
  NatsConnection,
  NodeConnectionOptions,
  QueuedIterator,
  Status,
  Subscription,
} from '@nats-io/transport-node'
import type { Logger } from '../../core/util/logger.ts'
import { within } from '../../core/util/promises.ts'
import { confirm, connectTo, unavailable } from './connect.ts'

/** Longest that a link which closes waits for the server to take what was said last, in milliseconds. */
const FAREWELL = 1000
/** Milliseconds between two reports of messages that were dropped. */
const REPORT_INTERVAL = 1000
/** NATS's own default, should a server not say. */
const MAX_PAYLOAD = 1024 * 1024

export interface LinkSettings {
  /** The user's own connection, which is theirs to close. */
  readonly connection: NatsConnection | undefined
  readonly options: NodeConnectionOptions
  /** Whether to wait for a server that is not there at the start. */
  readonly wait: boolean
  /** Most bytes that may wait for the server to take them. */
  readonly maxBuffered: number
}

/** What a link tells its owner. */
export interface LinkEvents {
  lost(cause: unknown): void
  back(): void
}

/** A connection to NATS that knows whether it is there, and never keeps more than it may. */
export class Link {
  readonly #settings: LinkSettings
  readonly #log: Logger
  #nats: NatsConnection | undefined
  #statuses: QueuedIterator<Status> | undefined
  #connected = false
  readonly #stopped = new AbortController()
  /** Bytes published that the server has not confirmed, and those that a flush under way will confirm. */
  #unconfirmed = 0
  #confirming = false
  #dropped = 0
  #report: NodeJS.Timeout | undefined

  constructor(settings: LinkSettings, log: Logger) {
    this.#settings = settings
    this.#log = log
  }

  get connected(): boolean {
    return this.#connected
  }

  /** The connection itself, while there is one. */
  get connection(): NatsConnection | undefined {
    return this.#nats
  }

  /** Most bytes that the server takes as one message. */
  get maxPayload(): number {
    return this.#nats?.info?.max_payload ?? MAX_PAYLOAD
  }

  /** Where replies to this connection may be sent. */
  get inboxPrefix(): string {
    const { connection, options } = this.#settings
    return optionsOf(connection)?.inboxPrefix ?? options.inboxPrefix ?? '_INBOX'
  }

  /** @throws `cluster_unavailable` */
  async open(events: LinkEvents): Promise<void> {
    const { connection, options, wait } = this.#settings
    const stopped = this.#stopped.signal
    const nats = connection ?? (await connectTo({ options, wait, stopped, log: this.#log }))
    this.#nats = nats
    await confirm(nats, { wait, stopped })
    this.#connected = true
    const statuses = nats.status() as QueuedIterator<Status>
    this.#statuses = statuses
    void this.#watch(nats, statuses, events)
  }

  /** Idempotent; ends an `open` that waits. */
  async close(): Promise<void> {
    this.#stopped.abort()
    clearTimeout(this.#report)
    this.#reportDrops()
    const nats = this.#nats
    const connected = this.#connected
    this.#nats = undefined
    this.#connected = false
    // Not by its iterator's `return`, which takes effect only with the next status.
    this.#statuses?.stop()
    if (!nats || nats.isClosed()) return
    // What was said last still leaves.
    if (connected) await within(FAREWELL, nats.flush(), () => new Error('late')).catch(() => {})
    if (this.#settings.connection) return
    await nats.close()
    // Of an attempt to reconnect the client leaves the socket open.
    transportOf(nats)?.discard?.()
  }

  /** Sends a message, or drops and counts it when there is no connection or no room. Returns whether it was sent. */
  publish(subject: string, text: string, reply?: string): boolean {
    const nats = this.#nats
    if (!nats) return false
    if (!this.#connected || this.#unconfirmed > this.#settings.maxBuffered) {
      this.#drop()
      return false
    }
    try {
      nats.publish(subject, text, reply === undefined ? undefined : { reply })
    } catch (error) {
      // The connection has closed, and its status has yet to be read.
      this.#log.debug({ err: error, subject }, 'a message could not be handed to NATS')
      this.#drop()
      return false
    }
    this.#unconfirmed += subject.length + text.length
    if (!this.#confirming && this.#unconfirmed > this.#settings.maxBuffered / 16) void this.#confirm(nats)
    return true
  }

  /** @param callback MUST NOT throw: the client would never read again */
  subscribe(subject: string, callback: (message: Msg) => void, queue?: string): Subscription | undefined {
    const refused = (error: unknown) =>
      this.#log.error({ err: error, subject, stage: 'nats' }, 'NATS refused a subscription')
    try {
      return this.#nats?.subscribe(subject, {
        ...(queue !== undefined && { queue }),
        callback: (error, message) => (error ? refused(error) : callback(message)),
      })
    } catch (error) {
      // The connection has been closed for good.
      refused(error)
      return undefined
    }
  }

  /** Resolves when the server has dealt with everything said before. */
  async flush(): Promise<void> {
    try {
      await this.#nats?.flush()
    } catch (cause) {
      throw unavailable('the connection to NATS was lost', cause)
    }
    if (!this.#nats) throw unavailable('the connection to NATS was closed')
  }

  async #watch(nats: NatsConnection, statuses: AsyncIterable<Status>, events: LinkEvents): Promise<void> {
    let cause: unknown
    for await (const status of statuses) {
      if (this.#stopped.signal.aborted) return
      switch (status.type) {
        case 'reconnect':
          // Told once for each attempt that it took.
          if (this.#connected) break
          this.#unconfirmed = 0
          this.#connected = true
          cause = undefined
          events.back()
          break
        case 'ping':
          if (this.#settings.connection || status.pendingPings < this.#maxPingOut) break
          cause = new Error('The server has stopped answering')
          // Before the client does it, which first waits until all that it has written has left: maybe for ever.
          cut(transportOf(nats)?.socket)
          break
        case 'disconnect':
        case 'close':
          if (!this.#connected) break
          this.#connected = false
          events.lost(cause)
          break
        case 'error':
          cause = status.error
          this.#log.warn({ err: status.error, stage: 'nats' }, 'NATS reports an error')
          break
        case 'slowConsumer':
          this.#log.warn({ stage: 'nats' }, 'this node does not keep up with what NATS sends')
          break
      }
    }
  }

  get #maxPingOut(): number {
    // The first is only just being sent.
    return Math.max(2, this.#settings.options.maxPingOut ?? Number.POSITIVE_INFINITY)
  }

  /** Finds out how much the server has taken. */
  async #confirm(nats: NatsConnection): Promise<void> {
    this.#confirming = true
    const sent = this.#unconfirmed
    try {
      await nats.flush()
      this.#unconfirmed = Math.max(0, this.#unconfirmed - sent)
    } catch {
      // The connection was lost, and with it what was under way.
      this.#unconfirmed = 0
    } finally {
      this.#confirming = false
    }
  }

  #drop(): void {
    this.#dropped++
    this.#report ??= setTimeout(() => this.#reportDrops(), REPORT_INTERVAL).unref()
  }

  #reportDrops(): void {
    this.#report = undefined
    if (this.#dropped === 0) return
    const reason = this.#connected ? 'NATS does not keep up' : 'NATS is away'
    this.#log.warn({ dropped: this.#dropped }, `messages to other nodes were dropped: ${reason}`)
    this.#dropped = 0
  }
}

/** The options of a connection, which its type does not show. */
export const optionsOf = (connection: NatsConnection | undefined): NodeConnectionOptions | undefined =>
  (connection as { readonly options?: NodeConnectionOptions } | undefined)?.options

interface Transport {
  readonly socket?: Socket
  discard?(): void
}

/** What the client does not show: by itself it leaves sockets open that it no longer needs. */
const transportOf = (nats: NatsConnection): Transport | undefined =>
  (nats as { readonly protocol?: { readonly transport?: Transport } }).protocol?.transport

/**
 * By a reset, where that is possible: otherwise the kernel goes on trying to deliver what was written, and when the
 * network is back that arrives after what the next connection has brought.
 */
const cut = (socket: Socket | undefined): void => {
  if (socket && 'encrypted' in socket) socket.destroy()
  else socket?.resetAndDestroy()
}
