import 'reflect-metadata'
import { injectable as markClass, inject as markParameter } from 'tsyringe'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Token } from '../../core/util/token.ts'

// biome-ignore lint/suspicious/noExplicitAny: a constructor's parameters are whatever its class needs
export type Constructor<T = unknown> = new (...parameters: any[]) => T

/** What the parameters of a class ask for, by index. */
const asked = new WeakMap<object, Map<number, Token<unknown>>>()
const injectables = new WeakSet<object>()

/**
 * Says what a constructor's parameter is. Every parameter needs one: types are gone at run time.
 *
 * @example constructor(@inject(Logger) readonly log: Logger) {}
 */
export const inject =
  (token: Token<unknown>) =>
  (target: object, property: string | symbol | undefined, index: number): void => {
    markParameter(token.key)(target, property, index)
    asked.set(target, (asked.get(target) ?? new Map()).set(index, token))
  }

/**
 * Lets the app build a class.
 *
 * @throws `invalid_option` when a parameter does not say what it is
 */
export const injectable =
  () =>
  <C extends Constructor>(target: C): void => {
    for (let index = 0; index < target.length; index++) {
      if (asked.get(target)?.has(index)) continue
      throw new RookeryError(
        'invalid_option',
        `Class ${target.name}: parameter ${index} needs @inject(token), because its type is gone at run time`,
      )
    }
    markClass()(target)
    injectables.add(target)
  }

/**
 * The tokens that an injectable class asks for.
 *
 * @throws `invalid_option` when the class is not injectable
 */
export const tokensOf = (type: Constructor): Token<unknown>[] => {
  if (!injectables.has(type)) {
    throw new RookeryError(
      'invalid_option',
      `Class ${type.name} needs the decorator @injectable() of rookery/di`,
    )
  }
  return [...(asked.get(type)?.values() ?? [])]
}
