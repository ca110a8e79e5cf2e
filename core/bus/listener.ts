import type { Duration } from '../util/options.ts'
import type { Event } from './event.ts'

/** The second argument of a listener. */
export interface ListenerContext {
  /** Aborts when the listener has exceeded `listenerTimeout` (5 s by default), or when the app stops. */
  readonly signal: AbortSignal
}

/** Called for each event. An error that it throws or rejects with is logged, and does not affect other listeners. */
export type Listener<P = unknown> = (event: Event<P>, ctx: ListenerContext) => unknown

/** One listener and its patterns. An event reaches the listener once, however many of the patterns match. */
export interface Subscription {
  /** Adds a pattern. @throws `invalid_pattern` */
  add(pattern: string): this
  /** Removes a pattern. */
  remove(pattern: string): this
  /** Subscribes to every event, including internal events and, on this node, events on `$` topics. */
  all(): this
  /** From now on takes only events that have a message for clients. */
  clientOnly(): this
  /** Ends the subscription. Queued events are not delivered to it any more. */
  cancel(): void
  /** Number of events dropped because too many calls of the listener were unsettled. */
  readonly dropped: number
}

/**
 * Whose events a listener takes. `node`: events published on this node. `all`: events of every node. `cluster`:
 * events of every node, each handled by one node of all nodes that have a listener of the same group.
 */
export type ListenerSource = 'node' | 'all' | 'cluster'

export interface SubscribeOptions {
  /** Whose events to take. Payloads from other nodes have been through JSON. @default 'node' */
  readonly source?: ListenerSource | undefined
  /**
   * With `cluster`: listeners of one group share the work. 1 to 255 characters, no whitespace.
   * @default the pattern, or `default` without a pattern
   */
  readonly group?: string | undefined
}

export interface BusOptions {
  /** Time until the `ctx.signal` of a listener aborts, and its failure is logged. @default '5s' */
  readonly listenerTimeout?: Duration | undefined
  /**
   * Unsettled calls that one listener may have. Further events wait until the end of the turn of the event loop; then they
   * are dropped, counted and logged. @default 1000
   */
  readonly maxPending?: number | undefined
}
