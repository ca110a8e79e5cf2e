import { RookeryError } from '../protocol/errors.ts'
import { Matcher } from '../topics/matcher.ts'
import { assertPattern } from '../topics/topic.ts'
import type { Logger } from '../util/logger.ts'
import { checkOptions, milliseconds, option } from '../util/options.ts'
import { Work } from '../util/work.ts'
import { BusSubscription } from './bus-subscription.ts'
import { createEvent, type Event, type EventInit } from './event.ts'
import type { BusOptions, Listener, ListenerSource, SubscribeOptions, Subscription } from './listener.ts'

interface Queued {
  readonly event: Event
  readonly subscriptions: Iterable<BusSubscription>
  readonly settled: (() => void) | undefined
}

/** Events delivered before the event loop handles I/O again, so that listeners which publish cannot starve it. */
const MAX_EVENTS_PER_TURN = 1024

/** The message of an event on its way to clients. */
export interface ClientDelivery {
  /** Passes it to the clients. Absent if the history does that later. */
  readonly deliver?: () => void
  /** Settles when the message has been stored, if it is to be kept. The rejection may be ignored. */
  readonly stored?: Promise<void>
}

/** The connections of the bus to clients and to other nodes. */
export interface BusOutlets {
  /**
   * Called with each event that has a message for clients, before the listeners. Encodes the message now. `here`: to this
   * node's clients only.
   *
   * @throws `unserializable`
   */
  readonly toClients: (event: Event, here: boolean) => ClientDelivery
  /** Calls `act` now, or after the deliveries under way: the code of an application may publish inside a delivery. */
  readonly inOrder: (act: () => void) => void
  /** Passes each event to other nodes. Returns whether it also has one node of each group handle the event. */
  readonly toOthers: (event: Event) => boolean
  /** Called when a listener starts or stops to want a pattern of other nodes: for its group, or for itself (null). */
  readonly listen: (pattern: string, group: string | null, wanted: boolean) => void
  /** Reports the error of a listener. @default logs it */
  readonly failed?: (error: unknown, event: Event) => void
}

const NO_OUTLETS: BusOutlets = {
  toClients: () => ({}),
  inOrder: (act) => act(),
  toOthers: () => false,
  listen: () => {},
}

const isUngrouped = ({ source }: BusSubscription): boolean => source !== 'cluster'
const takesAllNodes = ({ source }: BusSubscription): boolean => source === 'all'

/** The event bus of one node. */
export class Bus {
  readonly #matcher = new Matcher<BusSubscription>({ named: true })
  readonly #everything = new Set<BusSubscription>()
  readonly #subscriptions = new Set<BusSubscription>()
  readonly #log: Logger
  readonly #options: { readonly listenerTimeout: number; readonly maxPending: number }
  #queue: Queued[] = []
  #draining = false
  /** Events that may still be delivered in this turn of the event loop. */
  #left = MAX_EVENTS_PER_TURN
  #closed = false

  readonly #outlets: BusOutlets
  readonly #work: Work

  constructor(log: Logger, options: BusOptions = {}, outlets: BusOutlets = NO_OUTLETS, work = new Work()) {
    this.#log = log
    const { listenerTimeout = '5s', maxPending = 1000 } = options
    this.#options = { listenerTimeout: milliseconds(listenerTimeout), maxPending }
    this.#outlets = outlets
    this.#work = work
  }

  /**
   * Publishes an event and returns at once. Listeners are called in publish order after this call, never inside it. The
   * event stays inside the server unless it has a `client` message.
   *
   * @throws `invalid_topic`, `invalid_option`; `unserializable` if the client message cannot be written as JSON
   */
  publish<P>(topic: string, payload?: P): void
  publish<P>(event: EventInit<P>): void
  publish(input: string | EventInit, payload?: unknown): void {
    void this.#publish(createEvent(input, payload))
  }

  /**
   * Publishes an event. Resolves when every listener of this node has settled or has exceeded `listenerTimeout`.
   * Listeners of other nodes are not awaited.
   *
   * @throws `invalid_topic`, `invalid_option`, `unserializable`
   */
  publishAndWait<P>(topic: string, payload?: P): Promise<void>
  publishAndWait<P>(event: EventInit<P>): Promise<void>
  async publishAndWait(input: string | EventInit, payload?: unknown): Promise<void> {
    const event = createEvent(input, payload)
    await new Promise<void>((resolve) => void this.#publish(event, resolve))
  }

  /**
   * Calls a listener for each event that matches the pattern. Without a pattern, the listener gets events once `add`
   * or `all` is called on the subscription. A segment `:name` of the pattern stands for any one segment.
   *
   * @example app.bus.subscribe('orders/*', (event) => invoice(event.payload))
   * @example app.bus.subscribe('orders/*', bookOnce, { source: 'cluster' })
   * @throws `invalid_pattern`, `invalid_option`
   */
  subscribe<P = unknown>(pattern: string, listener: Listener<P>, options?: SubscribeOptions): Subscription
  subscribe<P = unknown>(listener: Listener<P>, options?: SubscribeOptions): Subscription
  subscribe(...args: readonly unknown[]): Subscription {
    const [pattern, listener, options = {}] = typeof args[0] === 'string' ? args : [undefined, ...args]
    if (typeof listener !== 'function') {
      throw new RookeryError('invalid_option', 'bus.subscribe() needs a listener function after the pattern')
    }
    // Check before the subscription exists, so that an error leaves nothing behind.
    if (pattern !== undefined) assertPattern(pattern)
    const { source, group } = readSubscribeOptions(options, pattern)
    const subscription = new BusSubscription(listener as Listener, this.#log, this.#options, source, group, {
      patterns: this.#matcher,
      everything: this.#everything,
      subscriptions: this.#subscriptions,
      listen: this.#outlets.listen,
      failed: this.#outlets.failed ?? this.#logFailure,
      work: this.#work,
    })
    return pattern === undefined ? subscription : subscription.add(pattern)
  }

  /** Number of patterns and trie nodes in use, for leak checks. */
  get size(): { readonly patterns: number; readonly nodes: number } {
    return { patterns: this.#matcher.patterns, nodes: this.#matcher.nodes }
  }

  /** @internal Publishes an event whose message goes to this node's clients only. */
  publishHere(event: EventInit): void {
    void this.#publish(createEvent(event), undefined, true)
  }

  /** @internal Publishes an event. Returns a promise if its message is kept, which resolves when it is stored. */
  publishStored(event: EventInit): Promise<void> | undefined {
    return this.#publish(createEvent(event))
  }

  /** @internal Queues an event of another node: for the listeners of a group, or for listeners of all nodes (null). */
  emitFromElsewhere(event: Event, group: string | null): void {
    this.#emit(
      event,
      group === null ? takesAllNodes : (one) => one.source === 'cluster' && one.group === group,
    )
  }

  #emit(event: Event, takes?: (one: BusSubscription) => boolean, settled?: () => void): void {
    const subscriptions = this.#closed ? undefined : this.#matching(event, takes)
    if (!subscriptions) {
      settled?.()
      return
    }
    this.#work.add('events')
    this.#queue.push({ event, subscriptions, settled })
    if (this.#draining) return
    this.#draining = true
    queueMicrotask(this.#drain)
  }

  /** @internal Drops the queue, aborts the calls under way and cancels every subscription. */
  close(): void {
    this.#closed = true
    const dropped = this.#queue.splice(0)
    if (dropped.length > 0) {
      this.#log.warn({ dropped: dropped.length }, 'events were dropped: the app has stopped')
    }
    for (const { settled } of dropped) {
      this.#work.done('events')
      settled?.()
    }
    for (const subscription of this.#subscriptions) {
      subscription.abort(new RookeryError('app_stopped'))
      subscription.cancel()
    }
  }

  #publish(event: Event, settled?: () => void, here = false): Promise<void> | undefined {
    const delivery = event.client ? this.#outlets.toClients(event, here) : undefined
    this.#outlets.inOrder(() => {
      delivery?.deliver?.()
      this.#emit(event, this.#outlets.toOthers(event) ? isUngrouped : undefined, settled)
    })
    return delivery?.stored
  }

  /** The subscriptions that match an event, each once; undefined if there is none. */
  #matching(event: Event, takes?: (one: BusSubscription) => boolean): Iterable<BusSubscription> | undefined {
    let found: ReadonlySet<BusSubscription>[] = this.#everything.size > 0 ? [this.#everything] : []
    for (const topic of event.topics) found = found.concat(this.#matcher.match(topic))
    if (found.length === 0) return undefined
    // A copy, since the sets change while the event waits in the queue.
    const all = new Set(found.flatMap((set) => [...set]))
    return takes ? [...all].filter(takes) : all
  }

  readonly #logFailure = (error: unknown, { topics }: Event): void => {
    this.#log.error({ err: error, topics, stage: 'listener' }, 'a bus listener failed')
  }

  readonly #drain = (): void => {
    const batch = this.#queue.splice(0, this.#left)
    this.#left -= batch.length
    for (const { event, subscriptions, settled } of batch) {
      const calls: Promise<void>[] = []
      for (const one of subscriptions) {
        const call = one.call(event)
        if (call) calls.push(call)
      }
      this.#work.done('events')
      if (settled) void Promise.all(calls).then(settled)
    }
    if (this.#queue.length === 0) this.#draining = false
    else if (this.#left > 0) queueMicrotask(this.#drain)
    else setImmediate(this.#drainLater)
  }

  readonly #drainLater = (): void => {
    this.#left = MAX_EVENTS_PER_TURN
    this.#drain()
  }
}

const readSubscribeOptions = (
  options: unknown,
  pattern: string | undefined,
): { readonly source: ListenerSource; readonly group: string } => {
  checkOptions('bus.subscribe()', options, {
    source: option.oneOf('node', 'all', 'cluster'),
    group: (value) =>
      typeof value === 'string' && /^[^\s\p{Cc}]{1,255}$/u.test(value)
        ? undefined
        : 'a name of 1 to 255 characters without whitespace',
  })
  const { source = 'node', group } = options as SubscribeOptions
  if (group !== undefined && source !== 'cluster') {
    throw new RookeryError('invalid_option', "bus.subscribe(): option 'group' needs the source 'cluster'")
  }
  return { source, group: group ?? pattern ?? 'default' }
}
