import { RookeryError } from '../../core/protocol/errors.ts'
import type { WelcomeFrame } from '../../core/protocol/protocol.ts'
import type { Restored } from '../messages/restored.ts'
import type { SendQueue } from '../messages/send-queue.ts'
import type { Settings } from '../options.ts'
import { encodeFrame } from '../transports/frames.ts'
import type { ClientTransport } from '../transports/transport.ts'
import { backoff } from '../util/backoff.ts'
import { Connection, type ConnectionEnd, type SessionFrame } from './connection.ts'
import type { CreateFallback, Fallback, Selector } from './fallback.ts'
import { onOnlineOrVisible } from './on-online-or-visible.ts'
import { singleTransport } from './single-transport.ts'

/** A connection that ends sooner after `welcome` is short-lived, in milliseconds. */
const SHORT_LIVED_MS = 5_000

/** What the connection manager tells the client. */
export interface ConnectionManagerHost {
  /** An attempt begins: the application called `connect()`, or the wait is over. */
  connecting(): void
  /** The server has sent `welcome`, after an attempt or over a new connection that replaces one still open. */
  open(welcome: WelcomeFrame): void
  frame(frame: SessionFrame): void
  /** The server has sent something invalid, or the token could not be renewed. The connection stays open. */
  invalid(error: RookeryError): void
  /**
   * The connection or the attempt has ended.
   *
   * @param wait milliseconds until the next attempt; undefined when it has begun already
   */
  lost(error: RookeryError, wait: number | undefined): void
  /** The server refuses this client: the manager makes no further attempt. */
  refused(error: RookeryError): void
  /** The client may send again. */
  resume(): void
}

/** Keeps a connection to the server: connects, reconnects, and switches to the best transport that works. */
export class ConnectionManager {
  readonly #settings: Settings
  readonly #queue: SendQueue
  readonly #restored: Restored
  readonly #host: ConnectionManagerHost
  readonly #selector: Selector
  /** Undefined if the client has only one transport. */
  readonly #upgrade: Fallback['upgrade'] | undefined
  /** Replaced connections that stay open until their calls have a reply. */
  readonly #draining = new Set<Connection>()
  #current: Connection | undefined
  /** When the server sent `welcome` over the connection in use; 0 before. */
  #openedAt = 0
  /** Failed attempts and short-lived connections in a row. */
  #failures = 0
  /** Of the last session. A new connection proves with it that it belongs to the same client. */
  #secret: string | undefined
  #nextAttempt: ReturnType<typeof setTimeout> | undefined
  #removeListeners: (() => void) | undefined

  /** @param createFallback undefined for a client with one transport */
  constructor(
    settings: Settings,
    createFallback: CreateFallback | undefined,
    queue: SendQueue,
    restored: Restored,
    host: ConnectionManagerHost,
  ) {
    this.#settings = settings
    this.#queue = queue
    this.#restored = restored
    this.#host = host
    const { transports, url } = settings
    const fallback = createFallback?.(transports, url?.host ?? '', {
      bounds: settings.upgrade,
      restored,
      queue,
      current: () => this.#current!,
      dial: (transport) => this.#dial(transport, settings.connectTimeout, 'beside'),
      use: (connection, welcome) => this.#open(connection, welcome),
      deliver: (message) => host.frame(message),
      resume: () => host.resume(),
    })
    this.#selector = fallback?.selector ?? singleTransport(transports[0]!)
    this.#upgrade = fallback?.upgrade
  }

  /** The connection in use, or the current attempt. */
  get current(): Connection | undefined {
    return this.#current
  }

  /** Whether the client must not send now: a switch to another transport is under way. */
  get paused(): boolean {
    return this.#upgrade?.paused === true
  }

  /** Begins an attempt at once, unless there is a connection or an attempt already. */
  connect(): void {
    if (this.#current) return
    this.#removeListeners ??= onOnlineOrVisible(() => this.#retryNow())
    this.#attempt()
    this.#host.connecting()
  }

  /** Closes all connections. The transports first send the frames that they have accepted. */
  close(): void {
    clearTimeout(this.#nextAttempt)
    this.#removeListeners?.()
    this.#upgrade?.stop()
    this.#settings.token.forget()
    this.#current?.close()
    for (const connection of this.#draining) connection.close()
    this.#draining.clear()
    this.#removeListeners = this.#current = this.#secret = undefined
    this.#failures = this.#openedAt = 0
  }

  /** Closes the replaced connections that have no pending call. */
  closeDrained(): void {
    for (const connection of this.#draining) {
      if (this.#queue.hasCalls(connection)) continue
      this.#draining.delete(connection)
      connection.close()
    }
  }

  #attempt(): void {
    clearTimeout(this.#nextAttempt)
    this.#openedAt = 0
    const limit = this.#selector.limit(this.#settings.connectTimeout)
    this.#current = this.#dial(this.#selector.transport, limit, 'previous')
  }

  /** @param role whether the new session replaces the last one or stays beside it */
  #dial(transport: ClientTransport, limit: number, role: 'previous' | 'beside'): Connection {
    const proof: Record<string, string> = this.#secret ? { [role]: this.#secret } : {}
    const connection: Connection = new Connection(transport, this.#settings, limit, proof, {
      open: (welcome) => {
        if (!this.#upgrade?.welcomed(connection, welcome)) this.#open(connection, welcome)
      },
      frame: (frame) => this.#receive(connection, frame),
      renew: () => void this.#renew(connection),
      invalid: (error) => this.#host.invalid(error),
      end: ({ error, retryIn }) => {
        // A token that cannot be renewed stays expired: a further attempt would fail, too.
        const end = {
          error,
          retryIn: error.code === 'token_expired' && !this.#settings.renews ? null : retryIn,
        }
        if (connection === this.#current) this.#ended(connection, end)
        else if (!this.#upgrade?.ended(connection, end.retryIn === null))
          this.#queue.rejectSent(connection, error)
      },
    })
    return connection
  }

  #open(connection: Connection, welcome: WelcomeFrame): void {
    if (this.#current && this.#current !== connection) this.#draining.add(this.#current)
    this.#current = connection
    this.#openedAt = Date.now()
    this.#secret = welcome.secret
    this.#selector.welcomed(connection.transport)
    this.#upgrade?.schedule()
    this.#host.open(welcome)
    this.closeDrained()
  }

  #receive(connection: Connection, frame: SessionFrame): void {
    const { type } = frame
    let isWanted = true
    if (type === undefined) isWanted = this.#upgrade?.message(connection, frame) ?? true
    // About the subscriptions of the session: the client subscribes again when it switches.
    else if (type !== 'reply' && type !== 'error') isWanted = connection === this.#current
    if (isWanted) this.#host.frame(frame)
  }

  /** Sends a new token to the server. While one is on its way, further requests of the server are ignored. */
  async #renew(connection: Connection): Promise<void> {
    const { token, renews, callTimeout } = this.#settings
    if (!renews || connection.renewing) return
    connection.renewing = true
    try {
      const fresh = await token()
      if (!fresh || connection.ended) return
      const request = encodeFrame({ type: 'auth', id: this.#queue.nextId(), token: fresh })
      await this.#queue.request(connection, [request], callTimeout)
      connection.token = fresh
    } catch (cause) {
      if (connection.ended) return
      const own = new RookeryError('connection_failed', 'The token was not renewed', { cause })
      this.#host.invalid(cause instanceof RookeryError ? cause : own)
    } finally {
      connection.renewing = false
    }
  }

  #ended(connection: Connection, { error, retryIn }: ConnectionEnd): void {
    const opened = this.#openedAt > 0
    const lasted = opened && Date.now() - this.#openedAt >= SHORT_LIVED_MS
    if (lasted) {
      this.#failures = 0
      this.#upgrade?.reset()
    }
    const candidate = this.#upgrade?.takeCandidate(error)
    if (retryIn !== null || candidate) this.#queue.rejectSent(connection, error)
    this.#current = candidate?.connection
    if (candidate) {
      this.#openedAt = 0
      this.#host.lost(error, undefined)
      this.#restored.subscriptions.renew(candidate.copied)
      // A listener may have closed the client.
      if (candidate.welcome && this.#current) this.#open(candidate.connection, candidate.welcome)
      void this.#upgrade?.finish(candidate)
    } else if (retryIn === null) {
      this.close()
      this.#host.refused(error)
    } else {
      // The transport is to blame only if it was called and ended without a close frame: a close frame has passed the
      // network, and without `params` or `token` the transport is never called.
      const silent = retryIn === undefined && connection.started
      const another = opened ? this.#selector.lost(!lasted && silent) : silent && this.#selector.failed()
      const wait = this.#waitBefore(retryIn, another)
      if (another) this.#attempt()
      else this.#nextAttempt = setTimeout(() => this.connect(), wait)
      this.#host.lost(error, another ? undefined : wait)
    }
  }

  /**
   * Returns the wait before the next attempt, in milliseconds. The server's time holds for a connection that has lasted, and
   * for the first failure. After that, the wait grows whatever the server says: it may close each connection at once.
   */
  #waitBefore(retryIn: number | undefined, another: boolean): number {
    const failures = another ? 0 : this.#failures++
    if (retryIn !== undefined && failures === 0) return retryIn
    return Math.max(retryIn ?? 0, Math.round(backoff(failures, this.#settings.reconnect)))
  }

  #retryNow(): void {
    this.connect()
    this.#current?.check()
    if (this.#openedAt > 0) this.#upgrade?.try()
  }
}
