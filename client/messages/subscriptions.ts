import { RookeryError } from '../../core/protocol/errors.ts'
import type { MessageFrame, ReplyFrame, UnsubscribedFrame } from '../../core/protocol/protocol.ts'
import { compilePattern, isReserved } from '../../core/topics/topic.ts'
import type { Settings } from '../options.ts'
import { encode } from '../transports/frames.ts'
import type { EncodedFrame } from '../transports/transport.ts'
import { backoff } from '../util/backoff.ts'
import { type Listener, LocalSubscription } from './subscription.ts'

/** Most patterns in one frame: a frame of them stays well below the 64 KiB that a server takes. */
const BATCH = 128

/** A pattern, and how the server stands to it. One question at a time is open on a pattern. */
interface Interest {
  readonly pattern: string
  readonly matches: (topic: string) => boolean
  readonly locals: Set<LocalSubscription>
  /** `resting`: refused because of a trouble of the moment, to be asked for again later. */
  server: 'none' | 'subscribing' | 'held' | 'unsubscribing' | 'resting'
  /** The server has once confirmed it. */
  confirmed: boolean
  /** It was in a batch that was refused as a whole: ask for it in a frame of its own. */
  alone: boolean
}

/**
 * Keeps the server's subscriptions in step with the local ones: one on the server for each pattern that
 * has a listener. Wishes and answers only mark a pattern as due; `frames()` then asks for what is still
 * wanted, so that changes of mind in between cost nothing and none is lost.
 */
export class Interests {
  readonly #nextId: () => number
  readonly #onDue: () => void
  readonly #bounds: Settings['reconnect']
  readonly #byPattern = new Map<string, Interest>()
  readonly #due = new Set<Interest>()
  readonly #asked = new Map<number, readonly Interest[]>()
  #wakeUp: ReturnType<typeof setTimeout> | undefined
  #failures = 0

  /** @param onDue called when `frames()` has something to send */
  constructor(bounds: Settings['reconnect'], nextId: () => number, onDue: () => void) {
    this.#bounds = bounds
    this.#nextId = nextId
    this.#onDue = onDue
  }

  /** @throws `invalid_pattern`, `reserved_topic` */
  add(pattern: string, listener: Listener): LocalSubscription {
    let interest = this.#byPattern.get(pattern)
    if (!interest) {
      const matches = compilePattern(pattern)
      if (isReserved(pattern)) throw new RookeryError('reserved_topic')
      interest = { pattern, matches, locals: new Set(), server: 'none', confirmed: false, alone: false }
      this.#byPattern.set(pattern, interest)
    }
    const subscription = new LocalSubscription(pattern, listener, (cancelled) => this.#remove(cancelled))
    interest.locals.add(subscription)
    if (interest.server === 'held') subscription.activate()
    this.#mark(interest)
    return subscription
  }

  /** What to ask of the server now. */
  frames(): EncodedFrame[] {
    const due = [...this.#due]
    this.#due.clear()
    const dropped = due.filter((interest) => interest.locals.size === 0 && interest.server === 'held')
    const wanted = due.filter((interest) => interest.locals.size > 0 && interest.server === 'none')
    const together = wanted.filter((interest) => !interest.alone)
    return [
      ...chunk(dropped).map((batch) => this.#ask('unsubscribe', batch)),
      ...chunk(together).map((batch) => this.#ask('subscribe', batch)),
      ...wanted.filter((interest) => interest.alone).map((interest) => this.#ask('subscribe', [interest])),
    ]
  }

  /** What to ask of the server on another connection, for it to hold there what it holds here. */
  copy(): EncodedFrame[] {
    const wanted = [...this.#byPattern.values()].filter(
      ({ locals, server }) => locals.size > 0 && server !== 'resting',
    )
    return chunk(wanted).map((batch) => question('subscribe', this.#nextId(), batch))
  }

  /** Takes the reply to a question of `frames()`. */
  answer({ id, error }: ReplyFrame): void {
    const batch = this.#asked.get(id)
    if (!batch) return
    this.#asked.delete(id)
    const refused = error && RookeryError.from(error)
    for (const interest of batch) {
      if (interest.server === 'unsubscribing') interest.server = 'none'
      else if (!refused) this.#confirmed(interest)
      else this.#refused(interest, refused, batch.length > 1)
      this.#mark(interest)
    }
  }

  /** The server has taken patterns away. Those it has not confirmed yet it will still answer for. */
  revoke({ topics, error }: UnsubscribedFrame): void {
    for (const pattern of topics) {
      const interest = this.#byPattern.get(pattern)
      if (interest?.server === 'held') this.#fail(interest, RookeryError.from(error))
    }
  }

  /** Asks for everything anew, on another connection. */
  renew(): void {
    clearTimeout(this.#wakeUp)
    this.#wakeUp = undefined
    this.#failures = 0
    this.#asked.clear()
    for (const interest of [...this.#byPattern.values()]) {
      interest.server = 'none'
      interest.alone = false
      this.#mark(interest)
    }
  }

  /** The server holds nothing any more. With an error it wants nothing of this client: all fail for now. */
  reset(error?: RookeryError): void {
    this.renew()
    for (const subscription of this.#locals()) {
      if (error) subscription.fail(error)
      else subscription.suspend()
    }
  }

  /** Cancels all. */
  clear(reason: RookeryError): void {
    for (const subscription of this.#locals()) subscription.end(reason)
    this.reset()
  }

  /** Gives a message to every listener it concerns, once. */
  dispatch(message: MessageFrame): void {
    const receivers = new Set<LocalSubscription>()
    const topics = [message.topic, ...(message.topics ?? [])]
    for (const { matches, locals } of this.#byPattern.values()) {
      if (topics.some(matches)) for (const subscription of locals) receivers.add(subscription)
    }
    for (const subscription of receivers) subscription.deliver(message)
  }

  #ask(type: 'subscribe' | 'unsubscribe', batch: readonly Interest[]): EncodedFrame {
    const id = this.#nextId()
    this.#asked.set(id, batch)
    for (const interest of batch) interest.server = type === 'subscribe' ? 'subscribing' : 'unsubscribing'
    return question(type, id, batch)
  }

  #confirmed(interest: Interest): void {
    interest.server = 'held'
    interest.confirmed = true
    interest.alone = false
    this.#failures = 0
    for (const subscription of [...interest.locals]) subscription.activate()
  }

  #refused(interest: Interest, error: RookeryError, batched: boolean): void {
    if (error.retryable && interest.confirmed && !batched) {
      // A trouble of the moment must not end what the server confirmed on an earlier connection.
      interest.server = 'resting'
      this.#wakeUp ??= setTimeout(() => this.#wake(), backoff(this.#failures++, this.#bounds))
      return
    }
    interest.alone = batched
    if (batched) interest.server = 'none'
    else this.#fail(interest, error)
  }

  /** The server does not hold a pattern, and is not to be asked for it again. */
  #fail(interest: Interest, error: RookeryError): void {
    const refused = [...interest.locals]
    interest.server = 'none'
    interest.locals.clear()
    this.#mark(interest)
    for (const subscription of refused) subscription.fail(error)
  }

  #wake(): void {
    this.#wakeUp = undefined
    for (const interest of [...this.#byPattern.values()]) {
      if (interest.server !== 'resting') continue
      interest.server = 'none'
      this.#mark(interest)
    }
  }

  #remove(subscription: LocalSubscription): void {
    const interest = this.#byPattern.get(subscription.pattern)
    if (interest?.locals.delete(subscription)) this.#mark(interest)
  }

  #mark(interest: Interest): void {
    if (interest.locals.size > 0 || interest.server !== 'none') {
      this.#due.add(interest)
      this.#onDue()
      return
    }
    this.#due.delete(interest)
    // A listener that was just told of a refusal may have subscribed anew.
    if (this.#byPattern.get(interest.pattern) === interest) this.#byPattern.delete(interest.pattern)
  }

  #locals(): LocalSubscription[] {
    return [...this.#byPattern.values()].flatMap((interest) => [...interest.locals])
  }
}

const question = (type: 'subscribe' | 'unsubscribe', id: number, batch: readonly Interest[]): EncodedFrame =>
  encode({ type, id, topics: batch.map(({ pattern }) => pattern) })

const chunk = <T>(items: readonly T[]): T[][] =>
  items.length > 0 ? [items.slice(0, BATCH), ...chunk(items.slice(BATCH))] : []
