import type { RookeryError } from '../../core/protocol/errors.ts'
import type { MessageFrame, WelcomeFrame } from '../../core/protocol/protocol.ts'
import { Overlap } from '../messages/deduplicator.ts'
import type { Outbox } from '../messages/send-queue.ts'
import type { Interests } from '../messages/subscriptions.ts'
import type { Settings } from '../options.ts'
import type { ClientTransport } from '../transports/transport.ts'
import { backoff } from '../util/backoff.ts'
import type { Link } from './connection.ts'
import type { ConnectorEvents } from './connection-manager.ts'
import type { Route } from './transport-selector.ts'

/** How long a suspect must hold before it is used, in milliseconds. */
const PROBATION = 5_000

export interface UpgradeHost {
  readonly bounds: Settings['upgrade']
  readonly route: Route
  readonly interests: Interests
  readonly outbox: Outbox
  readonly events: ConnectorEvents
  /** The connection in use. */
  used(): Link
  dial(transport: ClientTransport): Link
  /** Uses a connection from now on. Of the one before, only replies still matter. */
  use(link: Link, welcome: WelcomeFrame): void
}

/** A connection that is being tried. */
interface Candidate {
  readonly link: Link
  readonly overlap: Overlap
  welcome?: WelcomeFrame
  /** Whether what the application sends has to wait. */
  holds?: boolean
}

/**
 * Tries better transports in the background while a lesser one works, and moves to one that is welcomed:
 *
 * 1. What the application sends waits. The new connection subscribes to all that the old one holds.
 * 2. The old connection settles: what was sent there has been handled, what was published before has come.
 * 3. The new one is used, and brings what the old one has not brought. The old one stays for answers to its calls.
 */
export class Upgrade {
  readonly #host: UpgradeHost
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  #candidate: Candidate | undefined
  /** Of the last switch, until the new connection has settled: what the old one has brought may come again. */
  #overlap: Overlap | undefined

  constructor(host: UpgradeHost) {
    this.#host = host
  }

  /** Whether what the application sends has to wait. */
  get holds(): boolean {
    return this.#candidate?.holds === true
  }

  /** Tries after a while; after a longer one each time until `reset`. */
  schedule(): void {
    const { route, bounds } = this.#host
    clearTimeout(this.#timer)
    if (!route.isBest) this.#timer = setTimeout(() => this.try(), backoff(this.#failures++, bounds))
  }

  reset(): void {
    this.#failures = 0
  }

  /** Tries now, if there is a better transport than the one in use. */
  try(): void {
    const { route, dial } = this.#host
    if (this.#candidate || route.isBest) return
    clearTimeout(this.#timer)
    this.#candidate = { link: dial(route.better()), overlap: new Overlap() }
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#candidate?.link.close()
    this.#candidate = this.#overlap = undefined
  }

  /** Takes the welcome of a connection; returns whether it is the one being tried. */
  welcomed(link: Link, welcome: WelcomeFrame): boolean {
    const candidate = this.#candidate
    if (candidate?.link !== link) return false
    candidate.welcome = welcome
    const wait = this.#host.route.isSuspect(link.transport) ? PROBATION : 0
    this.#timer = setTimeout(() => {
      this.#move(candidate, welcome).catch(() => this.#giveUp(candidate))
    }, wait)
    return true
  }

  /** Takes the end of a connection; returns whether it was the one being tried. */
  ended(link: Link, refused: boolean): boolean {
    const candidate = this.#candidate
    if (candidate?.link !== link) return false
    this.#giveUp(candidate)
    // Who is not wanted over the better transport need not ask again.
    if (refused) clearTimeout(this.#timer)
    return true
  }

  /** Takes a message; returns whether the application is to have it now. */
  message(link: Link, message: MessageFrame): boolean {
    const candidate = this.#candidate
    if (link === this.#host.used()) {
      candidate?.overlap.delivered(message)
      return !this.#overlap?.isRepeat(message)
    }
    if (link === candidate?.link) candidate.overlap.wait(message)
    return false
  }

  /**
   * The connection in use is lost: gives away the one that is being tried if it has been welcomed, or if it is the
   * very reason, because a newer connection of a user replaces the older.
   */
  rescue({ code }: RookeryError): Candidate | undefined {
    const candidate = this.#candidate
    const rescued = candidate?.welcome || code === 'replaced' ? candidate : undefined
    if (rescued) this.#candidate = undefined
    this.stop()
    return rescued
  }

  async #move(candidate: Candidate, welcome: WelcomeFrame): Promise<void> {
    const { link, overlap } = candidate
    const { interests, outbox, events, used, use } = this.#host
    candidate.holds = true
    await outbox.ask(link, interests.copy())
    await outbox.settle(used())
    if (this.#candidate !== candidate) return
    this.#candidate = undefined
    this.#overlap = overlap
    interests.renew()
    use(link, welcome)
    for (const message of overlap.missed()) events.frame(message)
    await outbox.settle(link).catch(() => {})
    if (this.#overlap === overlap) this.#overlap = undefined
  }

  #giveUp(candidate: Candidate): void {
    if (this.#candidate !== candidate) return
    this.stop()
    this.#host.events.resume()
    this.schedule()
  }
}
