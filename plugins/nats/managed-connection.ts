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
import { shortIds, withShortIds } from '../../core/util/short-ids.ts'
import { destroySocket, discardTransport, optionsOf } from './client-internals.ts'
import { confirmConnection, connectToNats, unavailable } from './connect.ts'
import { takesLine } from './control-line.ts'

/** Longest time that `close` waits for the server to take the last messages. */
const CLOSE_FLUSH_WAIT_MS = 1000
/** Time over which dropped messages are counted for one log entry. */
const DROP_REPORT_INTERVAL_MS = 1000
/** The default of NATS, used if the server does not announce a limit. */
const DEFAULT_MAX_PAYLOAD_BYTES = 1024 * 1024

export interface ConnectionSettings {
  /** A connection of the application, which the application closes. */
  readonly connection: NatsConnection | undefined
  readonly options: NodeConnectionOptions
  /** Whether `open` waits until a server can be reached. */
  readonly wait: boolean
  /** Most bytes that may wait until the server has taken them. */
  readonly maxBuffered: number
}

export interface ConnectionEvents {
  lost(cause: unknown): void
  restored(): void
}

/**
 * A connection to NATS that knows whether it has a server, and bounds the bytes that NATS has not confirmed. Bytes are counted as
 * UTF-16 units of text, up to three times less than UTF-8.
 */
export class ManagedConnection {
  readonly #settings: ConnectionSettings
  readonly #log: Logger
  #nats: NatsConnection | undefined
  #statuses: QueuedIterator<Status> | undefined
  #connected = false
  readonly #stopped = new AbortController()
  /** Bytes published that the server has not confirmed. */
  #unconfirmedBytes = 0
  /** Whether a flush is under way, which confirms the bytes published before it. */
  #confirming = false
  #dropped = 0
  /** Why the first of them was dropped. */
  #dropReason = ''
  #dropReport: NodeJS.Timeout | undefined

  constructor(settings: ConnectionSettings, log: Logger) {
    this.#settings = settings
    this.#log = log
  }

  get connected(): boolean {
    return this.#connected
  }

  /** The connection of the NATS client, from `open` to `close`. */
  get nats(): NatsConnection | undefined {
    return this.#nats
  }

  /** Most bytes that the server takes in one message. */
  get maxPayload(): number {
    return this.#nats?.info?.max_payload ?? DEFAULT_MAX_PAYLOAD_BYTES
  }

  /** The beginning of subjects at which this connection may receive replies. */
  get inboxPrefix(): string {
    const { connection, options } = this.#settings
    return optionsOf(connection)?.inboxPrefix ?? options.inboxPrefix ?? '_INBOX'
  }

  /** @throws `cluster_unavailable` */
  async open(events: ConnectionEvents): Promise<void> {
    const { connection, options, wait } = this.#settings
    const stopped = this.#stopped.signal
    const nats = connection ?? (await connectToNats({ options, wait, stopped, log: this.#log }))
    this.#nats = nats
    await confirmConnection(nats, { wait, stopped })
    this.#connected = true
    const statuses = nats.status() as QueuedIterator<Status>
    this.#statuses = statuses
    void this.#watch(nats, statuses, events)
  }

  /** Closes the connection, and ends an `open` that waits. Idempotent. */
  async close(): Promise<void> {
    this.#stopped.abort()
    clearTimeout(this.#dropReport)
    this.#reportDrops()
    const nats = this.#nats
    const connected = this.#connected
    this.#nats = undefined
    this.#connected = false
    // `return` of the iterator would take effect only with the next status.
    this.#statuses?.stop()
    if (!nats || nats.isClosed()) return
    // Sends the last messages, such as the one that this node leaves.
    if (connected) await within(CLOSE_FLUSH_WAIT_MS, nats.flush(), () => new Error('late')).catch(() => {})
    if (this.#settings.connection) return
    await nats.close()
    discardTransport(nats)
  }

  /**
   * Sends a message. Without a connection, or past `maxBuffered`, drops and counts it. A subject that is too long is
   * logged. Returns whether the message was sent.
   */
  publish(subject: string, text: string, reply?: string): boolean {
    const nats = this.#nats
    if (!nats || !takesLine(this.#log, subject, reply)) return false
    if (!this.#connected || this.#unconfirmedBytes > this.#settings.maxBuffered) {
      this.#drop()
      return false
    }
    try {
      nats.publish(subject, text, reply === undefined ? undefined : { reply })
    } catch (error) {
      // The connection has closed, and this class has not read that status yet.
      this.#log.debug({ err: error, subject: shortIds(subject) }, 'the NATS client did not take a message')
      this.#drop()
      return false
    }
    this.#unconfirmedBytes += subject.length + text.length
    const flushAt = this.#settings.maxBuffered / 16
    if (!this.#confirming && this.#unconfirmedBytes > flushAt) void this.#confirmSent(nats)
    return true
  }

  /** @param callback MUST NOT throw, because the NATS client would stop reading */
  subscribe(subject: string, callback: (message: Msg) => void, queue?: string): Subscription | undefined {
    const refused = (error: unknown) =>
      this.#log.error(
        { err: withShortIds(error), subject: shortIds(subject), stage: 'nats' },
        'NATS refused a subscription',
      )
    if (!takesLine(this.#log, subject, queue)) return undefined
    try {
      return this.#nats?.subscribe(subject, {
        ...(queue !== undefined && { queue }),
        callback: (error, message) => (error ? refused(error) : callback(message)),
      })
    } catch (error) {
      // The connection is closed for good.
      refused(error)
      return undefined
    }
  }

  /** Resolves when the server has handled all earlier messages and subscriptions. @throws `cluster_unavailable` */
  async flush(): Promise<void> {
    try {
      await this.#nats?.flush()
    } catch (cause) {
      throw unavailable('the connection to NATS was lost', cause)
    }
    if (!this.#nats) throw unavailable('the connection to NATS was closed')
  }

  async #watch(
    nats: NatsConnection,
    statuses: AsyncIterable<Status>,
    events: ConnectionEvents,
  ): Promise<void> {
    let cause: unknown
    for await (const status of statuses) {
      if (this.#stopped.signal.aborted) return
      switch (status.type) {
        case 'reconnect':
          // The client reports one `reconnect` for each attempt that it made.
          if (this.#connected) break
          this.#unconfirmedBytes = 0
          this.#connected = true
          cause = undefined
          events.restored()
          break
        case 'ping':
          if (this.#settings.connection || status.pendingPings < this.#maxPingOut) break
          cause = new Error('The server has stopped answering')
          // The client would first wait until all written data has left the socket, which may never happen.
          destroySocket(nats)
          break
        case 'disconnect':
        case 'close':
          if (!this.#connected) break
          this.#connected = false
          events.lost(cause)
          break
        case 'error':
          cause = withShortIds(status.error)
          this.#log.warn({ err: cause, stage: 'nats' }, 'NATS reports an error')
          break
        case 'slowConsumer':
          this.#log.warn({ stage: 'nats' }, 'this node reads messages more slowly than NATS sends them')
          break
      }
    }
  }

  get #maxPingOut(): number {
    // A count of 1 says nothing, because the client is only just sending that ping.
    return Math.max(2, this.#settings.options.maxPingOut ?? Number.POSITIVE_INFINITY)
  }

  /** Flushes, and then subtracts the bytes that the server has taken. */
  async #confirmSent(nats: NatsConnection): Promise<void> {
    this.#confirming = true
    const sent = this.#unconfirmedBytes
    try {
      await nats.flush()
      this.#unconfirmedBytes = Math.max(0, this.#unconfirmedBytes - sent)
    } catch {
      // The connection was lost, and the unconfirmed bytes with it.
      this.#unconfirmedBytes = 0
    } finally {
      this.#confirming = false
    }
  }

  #drop(): void {
    this.#dropped++
    this.#dropReason ||= this.#connected
      ? 'NATS does not take them fast enough'
      : 'this node is not connected to NATS'
    this.#dropReport ??= setTimeout(() => this.#reportDrops(), DROP_REPORT_INTERVAL_MS).unref()
  }

  #reportDrops(): void {
    this.#dropReport = undefined
    if (this.#dropped === 0) return
    this.#log.warn({ dropped: this.#dropped }, `messages to other nodes were dropped: ${this.#dropReason}`)
    this.#dropped = 0
    this.#dropReason = ''
  }
}
