import type { RookeryError } from '../../core/protocol/errors.ts'
import type { MessageFrame, WelcomeFrame } from '../../core/protocol/protocol.ts'
import { Deduplicator } from '../messages/deduplicator.ts'
import type { Restored } from '../messages/restored.ts'
import type { SendQueue } from '../messages/send-queue.ts'
import type { ClientTransport } from '../transports/transport.ts'
import { type BackoffBounds, backoff } from '../util/backoff.ts'
import type { Connection } from './connection.ts'
import type { TransportSelector } from './transport-selector.ts'

/** How long a new connection over an unstable transport must last before the client uses it, in milliseconds. */
const UNSTABLE_WAIT_MS = 5_000

/** What an upgrade needs of the connection manager. */
export interface TransportUpgradeHost {
  readonly bounds: BackoffBounds
  readonly selector: TransportSelector
  readonly restored: Restored
  readonly queue: SendQueue
  /** The connection in use. */
  current(): Connection
  dial(transport: ClientTransport): Connection
  /** Makes a connection the one in use. The previous one stays open only for the replies to its calls. */
  use(connection: Connection, welcome: WelcomeFrame): void
  /** Delivers a message to the application. */
  deliver(message: MessageFrame): void
  /** The client may send again. */
  resume(): void
}

/** A connection over a better transport that is not in use yet. */
interface Candidate {
  readonly connection: Connection
  readonly deduplicator: Deduplicator
  welcome?: WelcomeFrame
  /** The patterns that the connection has been asked to subscribe to. */
  copied?: readonly string[]
  /** Whether the client must not send now. */
  paused?: boolean
}

/**
 * Tries better transports in the background while the client uses another one, and switches to the first one that the
 * server welcomes:
 *
 * 1. The client stops sending. A barrier on the old connection: the server has answered all subscriptions there. So the
 *    new connection subscribes to nothing earlier than the old one.
 * 2. The new connection joins all rooms and subscribes to all patterns of the old one.
 * 3. Another barrier on the old connection: the messages published before have arrived.
 * 4. The client uses the new connection and delivers the messages that only the new connection has received. The old
 *    connection stays open for the replies to its calls.
 * 5. The client subscribes once more, with its positions in the history: a replay brings the kept messages from there on.
 *    So of the messages that only the new connection has received, the kept ones reach only local subscriptions.
 */
export class TransportUpgrade {
  readonly #host: TransportUpgradeHost
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  #candidate: Candidate | undefined
  /** Of the last candidate in use, until a barrier on its connection: that connection may still repeat messages. */
  #deduplicator: Deduplicator | undefined

  constructor(host: TransportUpgradeHost) {
    this.#host = host
  }

  /** Whether the client must not send now. */
  get paused(): boolean {
    return this.#candidate?.paused === true
  }

  /** Tries a better transport after a wait. The wait grows with each try until `reset()`. */
  schedule(): void {
    const { selector, bounds } = this.#host
    clearTimeout(this.#timer)
    if (!selector.isBest) this.#timer = setTimeout(() => this.try(), backoff(this.#failures++, bounds))
  }

  /** The next wait is a short one again. */
  reset(): void {
    this.#failures = 0
  }

  /** Tries now, if there is a better transport than the one in use. */
  try(): void {
    const { selector, dial } = this.#host
    if (this.#candidate || selector.isBest) return
    clearTimeout(this.#timer)
    this.#candidate = { connection: dial(selector.better()), deduplicator: new Deduplicator() }
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#candidate?.connection.close()
    this.#candidate = this.#deduplicator = undefined
  }

  /**
   * Handles the `welcome` of a connection.
   *
   * @returns whether the connection is the candidate
   */
  welcomed(connection: Connection, welcome: WelcomeFrame): boolean {
    const candidate = this.#candidate
    if (candidate?.connection !== connection) return false
    candidate.welcome = welcome
    const wait = this.#host.selector.isUnstable(connection.transport) ? UNSTABLE_WAIT_MS : 0
    this.#timer = setTimeout(() => {
      this.#switch(candidate, welcome).catch(() => this.#giveUp(candidate))
    }, wait)
    return true
  }

  /**
   * Handles the end of a connection.
   *
   * @param refused whether the server wants no further attempt
   * @returns whether the connection was the candidate
   */
  ended(connection: Connection, refused: boolean): boolean {
    const candidate = this.#candidate
    if (candidate?.connection !== connection) return false
    this.#giveUp(candidate)
    // The server refuses this client over the better transport and would refuse the next attempt, too.
    if (refused) clearTimeout(this.#timer)
    return true
  }

  /**
   * Handles a message of a connection.
   *
   * @returns whether to deliver the message to the application now
   */
  message(connection: Connection, message: MessageFrame): boolean {
    const candidate = this.#candidate
    if (connection === this.#host.current()) {
      // A replay brings what a subscription needs, whatever other subscriptions have got.
      if (message.replayed) return true
      candidate?.deduplicator.delivered(message)
      return !this.#deduplicator?.isDuplicate(message)
    }
    if (connection === candidate?.connection && !candidate.deduplicator.hold(message)) this.#giveUp(candidate)
    return false
  }

  /**
   * Hands over the candidate when the connection in use is lost, and closes it otherwise. The candidate is of use if
   * the server has welcomed it, or if the error is `replaced`: then the candidate is the newer connection of the user
   * that replaced the one in use.
   */
  takeCandidate({ code }: RookeryError): Candidate | undefined {
    const candidate = this.#candidate
    const taken = candidate?.welcome || code === 'replaced' ? candidate : undefined
    if (taken) this.#candidate = undefined
    this.stop()
    return taken
  }

  /** Delivers the messages that only a candidate has received. Its connection is in use now. */
  async finish({ connection, deduplicator, copied }: Candidate): Promise<void> {
    const { queue, deliver } = this.#host
    for (const message of deduplicator.missing()) deliver(message)
    // Before the copy, the connection has no subscriptions and repeats nothing.
    if (!copied) return
    this.#deduplicator = deduplicator
    await queue.barrier(connection).catch(() => {})
    if (this.#deduplicator === deduplicator) this.#deduplicator = undefined
  }

  async #switch(candidate: Candidate, welcome: WelcomeFrame): Promise<void> {
    const { connection, deduplicator } = candidate
    const { queue, current, use } = this.#host
    const { subscriptions, rooms } = this.#host.restored
    candidate.paused = true
    await queue.barrier(current())
    const { requests, patterns } = subscriptions.copy()
    candidate.copied = patterns
    deduplicator.mark()
    await Promise.all([rooms.copy(connection), queue.request(connection, requests)])
    deduplicator.forget()
    await queue.barrier(current())
    if (this.#candidate !== candidate) return
    this.#candidate = undefined
    subscriptions.renew(patterns)
    use(connection, welcome)
    await this.finish(candidate)
  }

  #giveUp(candidate: Candidate): void {
    if (this.#candidate !== candidate) return
    this.stop()
    this.#host.resume()
    this.schedule()
  }
}
