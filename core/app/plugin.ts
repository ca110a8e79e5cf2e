import type { Token } from '../util/token.ts'
import type { Scope } from './scope.ts'

/**
 * A part of an app. An app calls `setup` of all plugins in the order they are listed, then `start` of each
 * after `start` of those that provide what it requires, then starts the transports, then calls `listen`.
 * `stop` is called in the reverse order of `start`, for every plugin whose `start` was called.
 */
export interface Plugin {
  /** Unique in an app; names the plugin in errors and in the log. */
  readonly name: string
  /** Tokens of other plugins without which this one cannot work. */
  readonly requires?: readonly Token<unknown>[]
  /** Provides tokens, registers handlers and hooks. Synchronous and without I/O: MUST NOT open anything. */
  setup?(scope: Scope): void
  /** Opens what needs opening. MUST resolve within the app's `startTimeout`. */
  start?(scope: Scope): void | Promise<void>
  /** Begins to accept connections: every plugin and transport has started. */
  listen?(scope: Scope): void | Promise<void>
  /** Closes what `start` and `listen` opened. MUST be fit to be called after a `start` that failed. */
  stop?(): void | Promise<void>
}

/**
 * Declares a plugin; the same object comes back, checked by the compiler.
 *
 * @example
 * export const metrics = () => definePlugin({
 *   name: 'metrics',
 *   requires: [HttpRoutes],
 *   setup: (scope) => scope.provide(Metrics, () => new Metrics(scope.get(Logger))),
 *   start: (scope) => { scope.get(HttpRoutes).get('/metrics', (c) => c.text(scope.get(Metrics).text())) },
 * })
 */
export const definePlugin = <P extends Plugin>(plugin: P): P => plugin
