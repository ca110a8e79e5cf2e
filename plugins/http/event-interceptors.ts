import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'

type Listener = (this: unknown, request: IncomingMessage, ...rest: unknown[]) => unknown

/** Takes some of the requests of an event. */
export interface Interceptor {
  /** Whether a request is its own. MUST give the same answer each time. */
  takes(request: IncomingMessage): boolean
  /** Handles a request of its own. MUST NOT throw. */
  handle(request: IncomingMessage, ...rest: never[]): void
  /** Handles what no interceptor takes where the server has no other listeners. MUST NOT throw. */
  handleLast(request: IncomingMessage, ...rest: never[]): void
  /** Is told of what no interceptor takes and other listeners get. MUST NOT throw. */
  pass?(request: IncomingMessage, ...rest: never[]): void
}

/** Stands in for another listener of the server, and calls it for requests that no interceptor takes. */
interface Filter extends Listener {
  /** The original: `EventEmitter.off` finds a listener by it, as it does for `once`. */
  listener?: Listener
  /** What is to be on the server when the filter is gone. */
  raw?: Listener
}

/**
 * Puts interceptors in front of all listeners of one event of a server, whenever those are added. Listeners are told
 * nothing of requests that an interceptor takes, get all others untouched and in their order, and can be removed as ever.
 * A server has one front for each event, which all apps on it share.
 */
class ListenerFront {
  readonly #server: EventEmitter
  readonly #event: string
  readonly #interceptors = new Set<Interceptor>()
  #arranging = false

  constructor(server: EventEmitter, event: string) {
    this.#server = server
    this.#event = event
  }

  add(interceptor: Interceptor): () => void {
    if (this.#interceptors.size === 0) {
      this.#arrange(true)
      this.#server.on('newListener', this.#changed)
      this.#server.on('removeListener', this.#changed)
    }
    this.#interceptors.add(interceptor)
    return () => {
      if (!this.#interceptors.delete(interceptor) || this.#interceptors.size > 0) return
      this.#server.off('newListener', this.#changed)
      this.#server.off('removeListener', this.#changed)
      this.#arrange(false)
    }
  }

  /** Listeners that are not the front's own. */
  get others(): number {
    return this.#server.rawListeners(this.#event).filter((listener) => listener !== this.#first).length
  }

  readonly #first: Listener = (request, ...rest) => {
    const args = rest as never[]
    for (const interceptor of this.#interceptors) {
      if (!interceptor.takes(request)) continue
      interceptor.handle(request, ...args)
      return
    }
    // None is left where another library has kept this listener, and calls it for as long as it likes.
    const [any] = this.#interceptors
    if (this.#server.listenerCount(this.#event) > 1) any?.pass?.(request, ...args)
    else any?.handleLast(request, ...args)
  }

  /** Restores the order after a listener was added, or the front's own was removed. */
  readonly #changed = (event: string | symbol): void => {
    if (event !== this.#event || this.#arranging) return
    queueMicrotask(() => {
      if (this.#interceptors.size > 0) this.#arrange(true)
    })
  }

  /** Puts the front's listener first and the others behind filters, or restores the listeners as they were. */
  #arrange(inFront: boolean): void {
    const there = this.#server.rawListeners(this.#event) as Filter[]
    const others = there.filter((listener) => listener !== this.#first)
    const wanted = inFront
      ? [
          this.#first,
          ...others.map((listener) => (filters.has(listener) ? listener : this.#filter(listener))),
        ]
      : others.map((listener) => (filters.get(listener) === this ? (listener.raw as Listener) : listener))
    if (wanted.length === there.length && wanted.every((listener, index) => listener === there[index])) return
    this.#arranging = true
    for (const listener of there) this.#server.off(this.#event, listener)
    for (const listener of wanted) this.#server.on(this.#event, listener)
    this.#arranging = false
  }

  #filter(raw: Filter): Filter {
    const front = this
    const isOnce = raw.listener !== undefined
    const filter: Filter = function (request, ...rest) {
      for (const interceptor of front.#interceptors) if (interceptor.takes(request)) return undefined
      if (isOnce) front.#server.off(front.#event, filter)
      return raw.call(this, request, ...rest)
    }
    filter.listener = raw.listener ?? raw
    filter.raw = raw
    filters.set(filter, this)
    return filter
  }
}

const filters = new WeakMap<Listener, ListenerFront>()
const fronts = new WeakMap<EventEmitter, Map<string, ListenerFront>>()

type InterceptedEvent = 'request' | 'upgrade'

const frontOf = (server: EventEmitter, event: InterceptedEvent): ListenerFront => {
  const byEvent = fronts.get(server) ?? new Map<string, ListenerFront>()
  fronts.set(server, byEvent)
  const front = byEvent.get(event) ?? new ListenerFront(server, event)
  byEvent.set(event, front)
  return front
}

/** Lets an interceptor take requests of an event before the server's other listeners. @returns how to take it back */
export const intercept = (
  server: EventEmitter,
  event: InterceptedEvent,
  interceptor: Interceptor,
): (() => void) => frontOf(server, event).add(interceptor)

/** The number of an event's listeners that are not interceptors. */
export const otherListeners = (server: EventEmitter, event: InterceptedEvent): number =>
  frontOf(server, event).others
