import 'reflect-metadata'
import { injectable as markClass, inject as markParameter } from 'tsyringe'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Token } from '../../core/util/token.ts'

// biome-ignore lint/suspicious/noExplicitAny: the type must accept constructors with any parameters
export type Constructor<T = unknown> = new (...parameters: any[]) => T

/** Token of each constructor parameter, by class and index. */
const parameterTokens = new WeakMap<object, Map<number, Token<unknown>>>()
const injectableClasses = new WeakSet<object>()

/**
 * Names the token that a constructor parameter receives. Every parameter needs this decorator, because TypeScript
 * types do not exist at run time.
 *
 * @example constructor(@inject(Logger) readonly log: Logger) {}
 */
export const inject =
  (token: Token<unknown>) =>
  (target: object, property: string | symbol | undefined, index: number): void => {
    markParameter(token.key)(target, property, index)
    const tokens = parameterTokens.get(target) ?? new Map<number, Token<unknown>>()
    parameterTokens.set(target, tokens.set(index, token))
  }

/**
 * Allows the app to construct a class and inject its dependencies.
 *
 * @throws `invalid_option` if a parameter has no `@inject(token)`
 * @example @injectable() class Billing { constructor(@inject(Mailer) readonly mailer: Mailer) {} }
 */
export const injectable =
  () =>
  <C extends Constructor>(target: C): void => {
    for (let index = 0; index < target.length; index++) {
      if (parameterTokens.get(target)?.has(index)) continue
      throw new RookeryError(
        'invalid_option',
        `Class ${target.name}: parameter ${index} needs @inject(token), because types do not exist at run time`,
      )
    }
    markClass()(target)
    injectableClasses.add(target)
  }

/**
 * Returns the tokens of the constructor parameters of an injectable class.
 *
 * @throws `invalid_option` if the class is not injectable
 */
export const tokensOf = (type: Constructor): Token<unknown>[] => {
  if (!injectableClasses.has(type)) {
    throw new RookeryError(
      'invalid_option',
      `Class ${type.name} needs the decorator @injectable() of rookery/di`,
    )
  }
  return [...(parameterTokens.get(type)?.values() ?? [])]
}
