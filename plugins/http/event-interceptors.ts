import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'

type Listener = (this: unknown, request: IncomingMessage, ...rest: unknown[]) => unknown

/** Takes some of the requests that a server emits with an event. */
export interface Interceptor {
  /** Whether the interceptor takes a request. MUST return the same value for a request each time. */
  takes(request: IncomingMessage): boolean
  /** Handles a request that it takes. MUST NOT throw. */
  handle(request: IncomingMessage, ...rest: never[]): void
  /** Handles a request that no interceptor takes, when the server has no other listener. MUST NOT throw. */
  handleLast(request: IncomingMessage, ...rest: never[]): void
  /** Called with a request that no interceptor takes and that the other listeners get. MUST NOT throw. */
  pass?(request: IncomingMessage, ...rest: never[]): void
}

/** Replaces another listener of the server, and calls it only with requests that no interceptor takes. */
interface Filter extends Listener {
  /** The original listener. `EventEmitter.off` finds the filter by it, as it finds a listener added with `once`. */
  listener?: Listener
  /** The listener to put back when the filter is removed. */
  raw?: Listener
}

/**
 * Puts interceptors before all listeners of one event of a server, also before listeners that are added later. The
 * other listeners do not get requests that an interceptor takes. They get all other requests unchanged and in their
 * order, and can be removed as usual. All apps on a server share one instance for each event.
 */
class EventInterceptors {
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
      this.#server.on('newListener', this.#onListenersChanged)
      this.#server.on('removeListener', this.#onListenersChanged)
    }
    this.#interceptors.add(interceptor)
    return () => {
      if (!this.#interceptors.delete(interceptor) || this.#interceptors.size > 0) return
      this.#server.off('newListener', this.#onListenersChanged)
      this.#server.off('removeListener', this.#onListenersChanged)
      this.#arrange(false)
    }
  }

  /** The number of listeners other than the interceptors'. */
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
    // The set is empty when another library has kept a reference to this listener, and calls it after the last
    // removal.
    const [any] = this.#interceptors
    if (this.#server.listenerCount(this.#event) > 1) any?.pass?.(request, ...args)
    else any?.handleLast(request, ...args)
  }

  /** Restores the order after a listener was added, or the interceptors' listener was removed. */
  readonly #onListenersChanged = (event: string | symbol): void => {
    if (event !== this.#event || this.#arranging) return
    queueMicrotask(() => {
      if (this.#interceptors.size > 0) this.#arrange(true)
    })
  }

  /** Puts the interceptors' listener first and wraps the others in filters, or restores the original listeners. */
  #arrange(intercepting: boolean): void {
    const there = this.#server.rawListeners(this.#event) as Filter[]
    const others = there.filter((listener) => listener !== this.#first)
    const wanted = intercepting
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
    const chain = this
    const isOnce = raw.listener !== undefined
    const filter: Filter = function (request, ...rest) {
      for (const interceptor of chain.#interceptors) if (interceptor.takes(request)) return undefined
      if (isOnce) chain.#server.off(chain.#event, filter)
      return raw.call(this, request, ...rest)
    }
    filter.listener = raw.listener ?? raw
    filter.raw = raw
    filters.set(filter, this)
    return filter
  }
}

const filters = new WeakMap<Listener, EventInterceptors>()
const interceptorsByServer = new WeakMap<EventEmitter, Map<string, EventInterceptors>>()

type InterceptedEvent = 'request' | 'upgrade'

const interceptorsOf = (server: EventEmitter, event: InterceptedEvent): EventInterceptors => {
  const byEvent = interceptorsByServer.get(server) ?? new Map<string, EventInterceptors>()
  interceptorsByServer.set(server, byEvent)
  const chain = byEvent.get(event) ?? new EventInterceptors(server, event)
  byEvent.set(event, chain)
  return chain
}

/**
 * Adds an interceptor, which gets the requests of an event before the server's other listeners.
 *
 * @returns a function that removes the interceptor
 */
export const intercept = (
  server: EventEmitter,
  event: InterceptedEvent,
  interceptor: Interceptor,
): (() => void) => interceptorsOf(server, event).add(interceptor)

/** The number of an event's listeners other than interceptors. */
export const otherListeners = (server: EventEmitter, event: InterceptedEvent): number =>
  interceptorsOf(server, event).others
