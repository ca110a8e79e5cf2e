import { RookeryError } from '../../core/protocol/errors.ts'
import type { WelcomeFrame } from '../../core/protocol/protocol.ts'
import type { Outbox } from '../messages/send-queue.ts'
import type { Interests } from '../messages/subscriptions.ts'
import type { Settings } from '../options.ts'
import { encode } from '../transports/frames.ts'
import type { ClientTransport } from '../transports/transport.ts'
import { backoff } from '../util/backoff.ts'
import { Link, type LinkEnd, type SessionFrame } from './connection.ts'
import { onWake } from './on-online-or-visible.ts'
import { Route } from './transport-selector.ts'
import { Upgrade } from './transport-upgrade.ts'

/** A connection that held this long, in milliseconds, was worth having. */
const USEFUL = 5_000

export interface ConnectorEvents {
  /** An attempt begins that was asked for or waited for. */
  connecting(): void
  /** The server has welcomed us: after an attempt, or over another connection while the last one still stands. */
  open(welcome: WelcomeFrame): void
  frame(frame: SessionFrame): void
  /** Something is wrong; the connection goes on. */
  invalid(error: RookeryError): void
  /** The connection or the attempt has ended. Without a wait, another attempt is under way. */
  lost(error: RookeryError, wait: number | undefined): void
  /** The server does not want this client. */
  refused(error: RookeryError): void
  /** What was held back may be sent. */
  resume(): void
}

/** Keeps a connection to the server: makes it, makes it again, and moves it to the best transport that works. */
export class Connector {
  readonly #settings: Settings
  readonly #outbox: Outbox
  readonly #events: ConnectorEvents
  readonly #route: Route
  readonly #upgrade: Upgrade
  /** Connections that are no longer used, and wait for answers to calls. */
  readonly #retired = new Set<Link>()
  #link: Link | undefined
  /** When the connection in use was welcomed; 0 while it has not been. */
  #openedAt = 0
  /** Attempts and short-lived connections in a row. */
  #failures = 0
  #nextAttempt: ReturnType<typeof setTimeout> | undefined
  #stopWaking: (() => void) | undefined

  constructor(settings: Settings, outbox: Outbox, interests: Interests, events: ConnectorEvents) {
    this.#settings = settings
    this.#outbox = outbox
    this.#events = events
    this.#route = new Route(settings.transports, settings.url.host)
    this.#upgrade = new Upgrade({
      bounds: settings.upgrade,
      route: this.#route,
      interests,
      outbox,
      events,
      used: () => this.#link!,
      dial: (transport) => this.#dial(transport, settings.connectTimeout),
      use: (link, welcome) => this.#open(link, welcome),
    })
  }

  /** The connection in use, or the attempt at one. */
  get link(): Link | undefined {
    return this.#link
  }

  /** Whether what the application sends has to wait, for a moment. */
  get holds(): boolean {
    return this.#upgrade.holds
  }

  /** Begins, or goes on without further wait. */
  connect(): void {
    if (this.#link) return
    this.#stopWaking ??= onWake(() => this.#wake())
    this.#attempt()
    this.#events.connecting()
  }

  /** Ends all politely: what was sent before still goes out. */
  close(): void {
    clearTimeout(this.#nextAttempt)
    this.#stopWaking?.()
    this.#upgrade.stop()
    this.#link?.close()
    for (const link of this.#retired) link.close()
    this.#retired.clear()
    this.#stopWaking = this.#link = undefined
    this.#failures = this.#openedAt = 0
  }

  /** Closes connections whose last call has been answered. */
  tidy(): void {
    for (const link of this.#retired) {
      if (this.#outbox.waitsFor(link)) continue
      this.#retired.delete(link)
      link.close()
    }
  }

  #attempt(): void {
    clearTimeout(this.#nextAttempt)
    this.#openedAt = 0
    this.#link = this.#dial(this.#route.transport, this.#route.limit(this.#settings.connectTimeout))
  }

  #dial(transport: ClientTransport, limit: number): Link {
    const link: Link = new Link(transport, this.#settings, limit, {
      open: (welcome) => {
        if (!this.#upgrade.welcomed(link, welcome)) this.#open(link, welcome)
      },
      frame: (frame) => this.#receive(link, frame),
      renew: () => void this.#renew(link),
      invalid: (error) => this.#events.invalid(error),
      end: ({ error, retryIn }) => {
        // A token that stays the same stays expired.
        const end = {
          error,
          retryIn: error.code === 'token_expired' && !this.#settings.renews ? null : retryIn,
        }
        if (link === this.#link) this.#ended(link, end)
        else if (!this.#upgrade.ended(link, end.retryIn === null)) this.#outbox.disconnect(link, error)
      },
    })
    return link
  }

  #open(link: Link, welcome: WelcomeFrame): void {
    if (this.#link && this.#link !== link) this.#retired.add(this.#link)
    this.#link = link
    this.#openedAt = Date.now()
    this.#route.welcomed(link.transport)
    this.#upgrade.schedule()
    this.#events.open(welcome)
    this.tidy()
  }

  #receive(link: Link, frame: SessionFrame): void {
    // What another connection may no longer have shows when it is asked for there.
    const isOther = frame.type === 'unsubscribed' && link !== this.#link
    const isNews = frame.type === undefined ? this.#upgrade.message(link, frame) : !isOther
    if (isNews) this.#events.frame(frame)
  }

  /** Gives the server a new token; once at a time, however often it asks. */
  async #renew(link: Link): Promise<void> {
    const { token, renews, callTimeout } = this.#settings
    if (!renews || link.renewing) return
    link.renewing = true
    try {
      const fresh = await token()
      if (!fresh || link.ended) return
      const question = encode({ type: 'auth', id: this.#outbox.nextId(), token: fresh })
      await this.#outbox.ask(link, [question], callTimeout)
      link.token = fresh
    } catch (cause) {
      if (link.ended) return
      const own = new RookeryError('connection_failed', 'There is no new token', { cause })
      this.#events.invalid(cause instanceof RookeryError ? cause : own)
    } finally {
      link.renewing = false
    }
  }

  #ended(link: Link, { error, retryIn }: LinkEnd): void {
    const opened = this.#openedAt > 0
    const useful = opened && Date.now() - this.#openedAt >= USEFUL
    if (useful) {
      this.#failures = 0
      this.#upgrade.reset()
    }
    const rescued = this.#upgrade.rescue(error)
    if (retryIn !== null || rescued) this.#outbox.disconnect(link, error)
    this.#link = rescued?.link
    if (rescued) {
      this.#openedAt = 0
      this.#events.lost(error, undefined)
      // A listener may have closed the client.
      if (rescued.welcome && this.#link) this.#open(rescued.link, rescued.welcome)
      for (const message of rescued.overlap.missed()) this.#events.frame(message)
    } else if (retryIn === null) {
      this.close()
      this.#events.refused(error)
    } else {
      // A close frame, though it ends the connection, is a sign that the way to the server is free; and where there is
      // no token, nobody has tried it.
      const silent = retryIn === undefined && link.begun
      const another = opened ? this.#route.lost(!useful && silent) : silent && this.#route.failed()
      const wait = retryIn ?? Math.round(backoff(another ? 0 : this.#failures++, this.#settings.reconnect))
      if (another) this.#attempt()
      else this.#nextAttempt = setTimeout(() => this.connect(), wait)
      this.#events.lost(error, another ? undefined : wait)
    }
  }

  #wake(): void {
    this.connect()
    this.#link?.check()
    if (this.#openedAt > 0) this.#upgrade.try()
  }
}
