import { RookeryError } from '../protocol/errors.ts'
import { Matcher } from '../topics/matcher.ts'
import { assertPattern } from '../topics/topic.ts'
import type { Logger } from '../util/logger.ts'
import { checkOptions, type Duration, milliseconds, option } from '../util/options.ts'
import { BusSubscription } from './bus-subscription.ts'
import { createEvent, type Event, type EventInit } from './event.ts'

/** What a listener gets beside the event. */
export interface ListenerContext {
  /** Aborts when the listener has taken longer than its limit (5 s by default) or the app stops. */
  readonly signal: AbortSignal
}

/** Called for each event; what it throws or rejects with is reported and hurts no other listener. */
export type Listener<P = unknown> = (event: Event<P>, ctx: ListenerContext) => unknown

/** One listener and the patterns it listens to. An event reaches it once, however many patterns match. */
export interface Subscription {
  /** Listens to a pattern too. @throws `invalid_pattern` */
  add(pattern: string): this
  /** No longer listens to a pattern. */
  remove(pattern: string): this
  /** Listens to every event, internal ones and, of this node, those on `$` topics included. */
  all(): this
  /** From now on only takes events that reach clients. */
  clientOnly(): this
  /** Ends the subscription; events already under way to it are not delivered. */
  cancel(): void
  /** Events not delivered because too many calls of the listener were unsettled. */
  readonly dropped: number
}

/**
 * Whose events a subscription takes. `node`: those published on this node. `all`: those of every node. `cluster`:
 * those of every node, but of all nodes that have a subscription of the group one handles each event.
 */
export type Scope = 'node' | 'all' | 'cluster'

export interface SubscribeOptions {
  /** Whose events to take. Payloads of other nodes have been through JSON. @default 'node' */
  readonly scope?: Scope | undefined
  /** With scope `cluster`: subscriptions of one group share the work. @default the pattern, or `default` without one */
  readonly group?: string | undefined
}

export interface BusOptions {
  /** Time until `ctx.signal` of a listener aborts. @default '5s' */
  readonly listenerTimeout?: Duration | undefined
  /** Most unsettled calls of one listener; events past it are dropped, counted and reported. @default 1000 */
  readonly maxPending?: number | undefined
}

interface Queued {
  readonly event: Event
  readonly listening: Iterable<BusSubscription>
  readonly settled: (() => void) | undefined
}

/** Events delivered until I/O gets its turn, so that listeners who publish cannot starve it. */
const BATCH = 1024

/** Where events go besides the listeners, and where those of other nodes come from. */
export interface BusOutlets {
  /** Takes each event with a client message, before any listener does. `here`: for this node's clients only. */
  readonly toClients: (event: Event, here: boolean) => void
  /** Takes each event to other nodes; returns whether it also takes care of groups. */
  readonly toOthers: (event: Event) => boolean
  /** Told what listeners want from other nodes, group by group; null: each for itself. */
  readonly listen: (pattern: string, group: string | null, wanted: boolean) => void
}

const NO_OUTLETS: BusOutlets = { toClients: () => {}, toOthers: () => false, listen: () => {} }

const hearsLocal = (listening: BusSubscription): boolean => listening.scope !== 'cluster'
const hearsAll = (listening: BusSubscription): boolean => listening.scope === 'all'

/** The event bus of one node. */
export class Bus {
  readonly #matcher = new Matcher<BusSubscription>()
  readonly #everything = new Set<BusSubscription>()
  readonly #subscriptions = new Set<BusSubscription>()
  readonly #log: Logger
  readonly #options: { readonly listenerTimeout: number; readonly maxPending: number }
  #queue: Queued[] = []
  #draining = false
  /** Events that may still be delivered before I/O gets its turn. */
  #left = BATCH
  #closed = false

  readonly #outlets: BusOutlets

  constructor(log: Logger, options: BusOptions = {}, outlets: BusOutlets = NO_OUTLETS) {
    this.#log = log
    const { listenerTimeout = '5s', maxPending = 1000 } = options
    this.#options = { listenerTimeout: milliseconds(listenerTimeout), maxPending }
    this.#outlets = outlets
  }

  /**
   * Publishes an event and returns at once. Listeners are called soon after, in publish order, never
   * inside this call. The event stays inside the server unless it has a `client` message of its own.
   *
   * @throws `invalid_topic`; `unserializable` when its message is for a client and cannot be written as JSON
   */
  publish<P>(topic: string, payload?: P): void
  publish<P>(event: EventInit<P>): void
  publish(input: string | EventInit, payload?: unknown): void {
    this.#publish(createEvent(input, payload))
  }

  /**
   * Publishes an event and resolves when every listener of this node has settled or run out of its time.
   *
   * @throws `invalid_topic`
   */
  publishAndWait<P>(topic: string, payload?: P): Promise<void>
  publishAndWait<P>(event: EventInit<P>): Promise<void>
  async publishAndWait(input: string | EventInit, payload?: unknown): Promise<void> {
    const event = createEvent(input, payload)
    await new Promise<void>((resolve) => this.#publish(event, resolve))
  }

  /**
   * Calls a listener for each event on the pattern. Without a pattern it hears nothing until one is added.
   *
   * @example app.bus.subscribe('orders/*', (event) => invoice(event.payload))
   * @example app.bus.subscribe('orders/*', bookOnce, { scope: 'cluster' })
   * @throws `invalid_pattern`, `invalid_option`
   */
  subscribe<P = unknown>(pattern: string, listener: Listener<P>, options?: SubscribeOptions): Subscription
  subscribe<P = unknown>(listener: Listener<P>, options?: SubscribeOptions): Subscription
  subscribe(...args: readonly unknown[]): Subscription {
    const [pattern, listener, options = {}] = typeof args[0] === 'string' ? args : [undefined, ...args]
    if (typeof listener !== 'function') {
      throw new RookeryError('invalid_option', 'bus.subscribe() needs a listener function after the pattern')
    }
    // First, so that what is wrong leaves nothing behind.
    if (pattern !== undefined) assertPattern(pattern)
    const { scope, group } = readSubscribeOptions(options, pattern)
    const subscription = new BusSubscription(listener as Listener, this.#log, this.#options, scope, group, {
      patterns: this.#matcher,
      everything: this.#everything,
      subscriptions: this.#subscriptions,
      listen: this.#outlets.listen,
    })
    return pattern === undefined ? subscription : subscription.add(pattern)
  }

  /** Number of patterns and trie nodes in use, for leak checks. */
  get size(): { readonly patterns: number; readonly nodes: number } {
    return { patterns: this.#matcher.patterns, nodes: this.#matcher.nodes }
  }

  /** @internal Publishes an event whose client message is for this node's clients only. */
  publishHere(event: EventInit): void {
    this.#publish(createEvent(event), undefined, true)
  }

  /** @internal Queues an event of another node: for the listeners of a group, or for those who hear all nodes (null). */
  emitFromElsewhere(event: Event, group: string | null): void {
    this.#emit(event, group === null ? hearsAll : (one) => one.scope === 'cluster' && one.group === group)
  }

  #emit(event: Event, hears?: (listening: BusSubscription) => boolean, settled?: () => void): void {
    const listening = this.#closed ? undefined : this.#listening(event, hears)
    if (!listening) {
      settled?.()
      return
    }
    this.#queue.push({ event, listening, settled })
    if (this.#draining) return
    this.#draining = true
    queueMicrotask(this.#drain)
  }

  /** @internal Delivers nothing more, aborts the calls under way and cancels every subscription. */
  close(): void {
    this.#closed = true
    for (const { settled } of this.#queue.splice(0)) settled?.()
    for (const subscription of this.#subscriptions) {
      subscription.abort(new RookeryError('app_stopped'))
      subscription.cancel()
    }
  }

  #publish(event: Event, settled?: () => void, here = false): void {
    if (event.client) this.#outlets.toClients(event, here)
    this.#emit(event, this.#outlets.toOthers(event) ? hearsLocal : undefined, settled)
  }

  /** Who listens to an event, each once; nothing when nobody does. */
  #listening(
    event: Event,
    hears?: (listening: BusSubscription) => boolean,
  ): Iterable<BusSubscription> | undefined {
    let found: ReadonlySet<BusSubscription>[] = this.#everything.size > 0 ? [this.#everything] : []
    for (const topic of event.topics) found = found.concat(this.#matcher.match(topic))
    // A copy, because what is delivered is decided now and the sets are live.
    if (found.length === 0) return undefined
    const all = new Set(found.flatMap((set) => [...set]))
    return hears ? [...all].filter(hears) : all
  }

  readonly #drain = (): void => {
    const batch = this.#queue.splice(0, this.#left)
    this.#left -= batch.length
    for (const { event, listening, settled } of batch) {
      const calls: Promise<void>[] = []
      for (const one of listening) {
        const call = one.call(event)
        if (call) calls.push(call)
      }
      if (settled) void Promise.all(calls).then(settled)
    }
    if (this.#queue.length === 0) this.#draining = false
    else if (this.#left > 0) queueMicrotask(this.#drain)
    else setImmediate(this.#drainLater)
  }

  readonly #drainLater = (): void => {
    this.#left = BATCH
    this.#drain()
  }
}

const readSubscribeOptions = (
  options: unknown,
  pattern: string | undefined,
): { readonly scope: Scope; readonly group: string } => {
  checkOptions('bus.subscribe()', options, {
    scope: option.oneOf('node', 'all', 'cluster'),
    group: (value) =>
      typeof value === 'string' && /^[^\s\p{Cc}]{1,255}$/u.test(value)
        ? undefined
        : 'a name of 1 to 255 characters without whitespace',
  })
  const { scope = 'node', group } = options as SubscribeOptions
  if (group !== undefined && scope !== 'cluster') {
    throw new RookeryError('invalid_option', "bus.subscribe(): option 'group' needs the scope 'cluster'")
  }
  return { scope, group: group ?? pattern ?? 'default' }
}
