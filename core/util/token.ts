/** Names a thing that one plugin provides and others get, together with its type. */
export interface Token<T> {
  readonly name: string
  /** What to add to the plugins when nothing provides the token, such as `http() from 'rookery/http'`. */
  readonly providedBy?: string
  readonly key: symbol
  /** For the type checker only. Never set. */
  readonly type?: () => T
}

/**
 * Creates a token. Two tokens are different even if their names are equal.
 *
 * @param providedBy what a user adds to the plugins to have it. The error for a missing provider names it
 * @example export const Mailer = createToken<Mailer>('Mailer', "mail() from 'my-mail-plugin'")
 */
export const createToken = <T>(name: string, providedBy?: string): Token<T> => ({
  name,
  key: Symbol(name),
  ...(providedBy !== undefined && { providedBy }),
})
