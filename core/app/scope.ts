import type { Token } from '../util/token.ts'

/** Dependency injection, as plugins see it. */
export interface Scope {
  /**
   * Provides a token. The factory runs once, at the first `get`.
   *
   * @throws `duplicate_provider`; `app_stopped` after the stop of the app
   */
  provide<T>(token: Token<T>, factory: () => T): void
  /**
   * Returns what a token stands for.
   *
   * @throws `missing_provider`, `dependency_cycle`; `app_stopped` after the stop of the app
   */
  get<T>(token: Token<T>): T
  /** Whether a plugin, or the app, provides the token. */
  has(token: Token<unknown>): boolean
  /** Whether a plugin names the token in its `requires`. Known when all plugins are set up, so not in `setup`. */
  isRequired(token: Token<unknown>): boolean
}
