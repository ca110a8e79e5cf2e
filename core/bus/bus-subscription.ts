import { keyOf, parseNamedPattern } from '../contract/pattern.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Matcher } from '../topics/matcher.ts'
import type { Logger } from '../util/logger.ts'
import { isPromiseLike } from '../util/promises.ts'
import type { Work } from '../util/work.ts'
import type { Event } from './event.ts'
import type { Listener, ListenerSource, Subscription } from './listener.ts'
import { ListenerCall } from './listener-call.ts'

interface Limits {
  readonly listenerTimeout: number
  readonly maxPending: number
}

const DROP_REPORT_INTERVAL_MS = 1000

/** The subscriptions of a bus. */
interface Registry {
  readonly patterns: Matcher<BusSubscription>
  readonly everything: Set<BusSubscription>
  /** All subscriptions that are not cancelled. */
  readonly subscriptions: Set<BusSubscription>
  /** Called when a listener starts or stops to want a pattern of other nodes. */
  readonly listen: (pattern: string, group: string | null, wanted: boolean) => void
  /** Reports the error of a listener. */
  readonly failed: (error: unknown, event: Event) => void
  /** Counts the calls under way. */
  readonly work: Work
}

/** An event that waits until a call of the listener has settled. */
interface Waiting {
  readonly event: Event
  readonly over: () => void
}

/** The pattern that stands for `all()` at other nodes. */
const EVERYTHING = '*'

/** The subscription of one listener. */
export class BusSubscription implements Subscription {
  readonly source: ListenerSource
  readonly group: string
  readonly #listener: Listener
  readonly #registry: Registry
  readonly #log: Logger
  readonly #limits: Limits
  /** Keys of named patterns. */
  readonly #patterns = new Set<string>()
  readonly #pending = new Set<ListenerCall>()
  /**
   * Events of this turn of the event loop beyond `maxPending`, in order. They wait for the rest of the turn: a listener
   * that is about to settle has had no chance to do so. The bus delivers a limited number of events in a turn.
   */
  readonly #waiting: Waiting[] = []
  #endOfTurn: NodeJS.Immediate | undefined
  #clientOnly = false
  #dropped = 0
  #reported = 0
  #report: NodeJS.Timeout | undefined

  constructor(
    listener: Listener,
    log: Logger,
    limits: Limits,
    source: ListenerSource,
    group: string,
    registry: Registry,
  ) {
    this.source = source
    this.group = group
    this.#listener = listener
    this.#log = log
    this.#limits = limits
    this.#registry = registry
    registry.subscriptions.add(this)
  }

  get dropped(): number {
    return this.#dropped
  }

  add(pattern: string): this {
    const key = keyOf(parseNamedPattern(pattern))
    if (this.#cancelled || this.#patterns.has(key)) return this
    this.#registry.patterns.add(key, this)
    this.#patterns.add(key)
    this.#wantElsewhere(key, true)
    return this
  }

  remove(pattern: string): this {
    this.#remove(keyOf(parseNamedPattern(pattern)))
    return this
  }

  #remove(key: string): void {
    if (!this.#patterns.delete(key)) return
    this.#registry.patterns.remove(key, this)
    this.#wantElsewhere(key, false)
  }

  all(): this {
    if (this.#cancelled || this.#registry.everything.has(this)) return this
    this.#registry.everything.add(this)
    this.#wantElsewhere(EVERYTHING, true)
    return this
  }

  clientOnly(): this {
    this.#clientOnly = true
    return this
  }

  cancel(): void {
    this.#registry.subscriptions.delete(this)
    this.#reportDrops()
    if (this.#registry.everything.delete(this)) this.#wantElsewhere(EVERYTHING, false)
    for (const key of [...this.#patterns]) this.#remove(key)
    clearTimeout(this.#report)
    this.#report = undefined
    clearImmediate(this.#endOfTurn)
    this.#endOfTurn = undefined
    for (const { over } of this.#waiting.splice(0)) over()
  }

  /** Other nodes know no names: `*` stands for a name at the end, and for more. */
  #wantElsewhere(key: string, wanted: boolean): void {
    if (this.source === 'node') return
    const pattern = key.replace(/(?<=^|\/):$/, '*')
    this.#registry.listen(pattern, this.source === 'cluster' ? this.group : null, wanted)
  }

  get #cancelled(): boolean {
    return !this.#registry.subscriptions.has(this)
  }

  /** Aborts the unsettled calls. */
  abort(reason: RookeryError): void {
    for (const call of this.#pending) call.abort(reason)
  }

  /**
   * Calls the listener, now or once an earlier call has settled. Returns a promise if the call is unsettled; that promise
   * never rejects.
   */
  call(event: Event): Promise<void> | undefined {
    if (this.#cancelled || (this.#clientOnly && !event.client)) return undefined
    if (this.#pending.size < this.#limits.maxPending) return this.#start(event)
    this.#endOfTurn ??= setImmediate(this.#dropWaiting)
    return new Promise((over) => void this.#waiting.push({ event, over }))
  }

  /** Starts the events that wait, as far as calls have settled. */
  #startWaiting(): void {
    while (this.#pending.size < this.#limits.maxPending) {
      const next = this.#waiting.shift()
      if (!next) break
      const call = this.#start(next.event)
      if (call) void call.then(next.over)
      else next.over()
    }
    if (this.#waiting.length > 0) return
    clearImmediate(this.#endOfTurn)
    this.#endOfTurn = undefined
  }

  readonly #dropWaiting = (): void => {
    this.#endOfTurn = undefined
    for (const { over } of this.#waiting.splice(0)) {
      this.#drop()
      over()
    }
  }

  #start(event: Event): Promise<void> | undefined {
    const call = new ListenerCall()
    try {
      const result = this.#registry.work.run('listeners', () => this.#listener(event, call))
      // `Promise.resolve`, since a thenable of another library may not behave like a promise.
      return isPromiseLike(result) ? this.#settle(event, call, Promise.resolve(result)) : undefined
    } catch (error) {
      this.#registry.failed(error, event)
      return undefined
    }
  }

  /** Resolves when the call settles or is aborted. Only a settled call no longer counts as pending. */
  #settle(event: Event, call: ListenerCall, result: Promise<unknown>): Promise<void> {
    this.#pending.add(call)
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const limit = this.#limits.listenerTimeout
        const error = new RookeryError('listener_timeout', `A listener did not settle within ${limit} ms`)
        call.abort(error)
        this.#registry.failed(error, event)
      }, this.#limits.listenerTimeout)
      const over = () => {
        clearTimeout(timer)
        resolve()
      }
      call.onAbort = over
      const done = () => {
        this.#pending.delete(call)
        over()
        this.#startWaiting()
      }
      result.then(done, (error) => {
        // The timeout of an aborted call has been logged already.
        if (!call.aborted) this.#registry.failed(error, event)
        done()
      })
    })
  }

  #drop(): void {
    this.#dropped++
    this.#report ??= setTimeout(() => {
      this.#report = undefined
      this.#reportDrops()
    }, DROP_REPORT_INTERVAL_MS).unref()
  }

  #reportDrops(): void {
    const dropped = this.#dropped - this.#reported
    if (dropped === 0) return
    this.#reported = this.#dropped
    this.#log.warn(
      { dropped, total: this.#dropped, patterns: [...this.#patterns], pending: this.#pending.size },
      'a bus listener does not keep up: events were dropped',
    )
  }
}
