import type { Token } from '../util/token.ts'
import type { Scope } from './scope.ts'

/** What a plugin gets when it starts. */
interface StartOptions {
  /** Aborts when the app is stopped while this step is under way, or when the step exceeds `startTimeout`. */
  readonly signal: AbortSignal
}

/**
 * A part of an app. The app calls `setup` of all plugins in the order of the list, then `start` of each plugin after
 * `start` of the plugins that provide its required tokens, then starts the transports, then calls `listen`. It calls
 * `stop` in the reverse order of `start`, for every plugin whose `start` was called. One object is part of one app.
 */
export interface Plugin {
  /** Unique in an app. Names the plugin in errors and in the log. */
  readonly name: string
  /** Tokens of other plugins that this plugin needs. */
  readonly requires?: readonly Token<unknown>[]
  /** Provides tokens, adds handlers and hooks. Synchronous and without I/O: MUST NOT open anything. */
  setup?(scope: Scope): void
  /** Opens the plugin's resources. MUST resolve within the app's `startTimeout`. */
  start?(scope: Scope, options: StartOptions): void | Promise<void>
  /** Starts to accept connections. Every plugin and transport has started before. */
  listen?(scope: Scope, options: StartOptions): void | Promise<void>
  /**
   * Closes the resources that `start` and `listen` opened. MUST also work after a `start` that failed. The app calls it
   * again if `start` or `listen` settles after it.
   */
  stop?(): void | Promise<void>
}

/**
 * Declares a plugin. Returns the same object, checked by the compiler.
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
