import {
  connect,
  type Msg,
  type NatsConnection,
  type NodeConnectionOptions,
  type Subscription,
} from '@nats-io/transport-node'
import { RookeryError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'

/** Milliseconds between two attempts to find a server that is not there yet. */
const RETRY_INTERVAL = 500
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
  #statuses: AsyncIterator<{ readonly type: string }> | undefined
  #connected = false
  #stopped = false
  /** Ends the waiting between two attempts. */
  #wake = (): void => {}
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
    this.#stopped = false
    const nats = this.#settings.connection ?? (await this.#connect())
    if (nats.isClosed()) throw unavailable('the connection that it was given is closed')
    this.#nats = nats
    // A user's own connection may be just reconnecting: then this waits until it is there.
    await nats.flush()
    this.#connected = true
    const statuses = nats.status()[Symbol.asyncIterator]()
    this.#statuses = statuses
    void this.#watch(statuses, events)
  }

  /** Idempotent; ends an `open` that waits. */
  async close(): Promise<void> {
    this.#stopped = true
    this.#wake()
    this.#connected = false
    clearTimeout(this.#report)
    this.#reportDrops()
    const nats = this.#nats
    this.#nats = undefined
    void this.#statuses?.return?.()
    if (!nats || nats.isClosed()) return
    // What was said last still leaves.
    await nats.flush().catch(() => {})
    if (!this.#settings.connection) await nats.close()
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
    this.#unconfirmed += text.length
    if (!this.#confirming && this.#unconfirmed > this.#settings.maxBuffered / 16) void this.#confirm(nats)
    return true
  }

  subscribe(subject: string, callback: (message: Msg) => void, queue?: string): Subscription | undefined {
    return this.#nats?.subscribe(subject, {
      ...(queue !== undefined && { queue }),
      callback: (error, message) => {
        if (error) this.#log.error({ err: error, subject, stage: 'nats' }, 'NATS refused a subscription')
        else callback(message)
      },
    })
  }

  /** Resolves when the server has dealt with everything said before. */
  async flush(): Promise<void> {
    await this.#nats?.flush()
  }

  async #connect(): Promise<NatsConnection> {
    const { options, wait } = this.#settings
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt()
      } catch (cause) {
        if (cause instanceof RookeryError) throw cause
        const where = `NATS cannot be reached at ${[options.servers ?? '127.0.0.1:4222'].flat().join(', ')}`
        const why = cause instanceof Error ? cause.message : String(cause)
        if (!wait) {
          const advice = "start it, correct 'servers', or wait for it with nats({ wait: true })"
          throw unavailable(`${where} (${why}): ${advice}`, cause)
        }
        if (attempt === 1) this.#log.warn({ err: cause }, `${where}: waiting for it`)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, RETRY_INTERVAL)
          this.#wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
        if (this.#stopped) throw unavailable('the app was stopped while it waited for NATS')
      }
    }
  }

  async #attempt(): Promise<NatsConnection> {
    const nats = await connect({ ...this.#settings.options })
    if (!this.#stopped) return nats
    await nats.close()
    throw unavailable('the app was stopped while it connected to NATS')
  }

  async #watch(statuses: AsyncIterator<{ readonly type: string }>, events: LinkEvents): Promise<void> {
    let cause: unknown
    for (let next = await statuses.next(); !next.done; next = await statuses.next()) {
      if (this.#stopped) return
      const status = next.value as { readonly type: string; readonly error?: unknown }
      if (status.type === 'reconnect') {
        this.#unconfirmed = 0
        this.#connected = true
        cause = undefined
        events.back()
      } else if (status.type === 'disconnect' || status.type === 'close') {
        if (!this.#connected) continue
        this.#connected = false
        events.lost(cause)
      } else if (status.type === 'error') {
        cause = status.error
        this.#log.warn({ err: status.error, stage: 'nats' }, 'NATS reports an error')
      } else if (status.type === 'slowConsumer') {
        this.#log.warn({ stage: 'nats' }, 'this node does not keep up with what NATS sends')
      }
    }
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

const unavailable = (message: string, cause?: unknown): RookeryError =>
  new RookeryError('cluster_unavailable', message, { cause })
