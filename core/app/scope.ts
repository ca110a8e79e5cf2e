/** Names a thing that one plugin provides and others get, together with its type. */
export interface Token<T> {
  readonly name: string
  /** What to add when nobody provides it, such as `http() from 'rookery/http'`. */
  readonly providedBy?: string
  readonly key: symbol
  /** Only for the type checker. */
  readonly type?: () => T
}

/**
 * Makes a token. Two tokens are different even when their names are alike.
 *
 * @param providedBy what a user adds to have it, named in the error when it is missing
 * @example export const Mailer = createToken<Mailer>('Mailer', "mail() from 'my-mail-plugin'")
 */
export const createToken = <T>(name: string, providedBy?: string): Token<T> => ({
  name,
  key: Symbol(name),
  ...(providedBy !== undefined && { providedBy }),
})

/** What plugins see of dependency injection. */
export interface Scope {
  /**
   * Provides a token. The factory runs once, at the first `get`.
   *
   * @throws `duplicate_provider`
   */
  provide<T>(token: Token<T>, factory: () => T): void
  /**
   * Gets what a token stands for.
   *
   * @throws `missing_provider`, `dependency_cycle`
   */
  get<T>(token: Token<T>): T
  has(token: Token<unknown>): boolean
  /** Whether a plugin names a token in its `requires`. Known once all plugins are set up, so not in `setup`. */
  isRequired(token: Token<unknown>): boolean
}
