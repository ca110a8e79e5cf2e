import type { DependencyContainer } from 'tsyringe'
import { Container } from '../../core/app/container.ts'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import type { Scope } from '../../core/app/scope.ts'
import { checkOptions, type OptionCheck, option } from '../../core/util/options.ts'
import type { Token } from '../../core/util/token.ts'
import { type Constructor, tokensOf } from './decorators.ts'

/** A class of which the app has one instance, under a token. */
export interface ClassProvider<T = unknown> {
  readonly token: Token<T>
  readonly useClass: Constructor<T>
}

export interface DiOptions {
  /** Classes to provide. Each is built once, when somebody first asks for its token. */
  readonly providers: readonly ClassProvider[]
}

const isProvider: OptionCheck = (value) => {
  const { token, useClass } = (value ?? {}) as Partial<ClassProvider>
  return typeof token?.key === 'symbol' && typeof useClass === 'function'
    ? undefined
    : '{ token, useClass }, with a token of createToken() and a class'
}

/**
 * Builds an injectable class, with what its parameters ask for. A new instance each time.
 *
 * @throws `invalid_option`, `missing_provider`, `dependency_cycle`
 * @example const billing = resolve(app.scope, Billing)
 */
export const resolve = <T>(scope: Scope, type: Constructor<T>): T => {
  // Asked for one by one first, so that a missing one is named as Rookery names it.
  for (const token of tokensOf(type)) scope.get(token)
  return (scope.get(Container) as DependencyContainer).resolve(type)
}

/**
 * Dependency injection for application classes, with tsyringe's decorators.
 *
 * @throws `invalid_option`
 * @example di({ providers: [{ token: Mailer, useClass: SmtpMailer }] })
 */
export const di = (options: DiOptions): Plugin => {
  checkOptions('di()', options, { providers: option.list(isProvider) })
  for (const { useClass } of options.providers) tokensOf(useClass)
  return definePlugin({
    name: 'di',
    setup(scope) {
      for (const { token, useClass } of options.providers)
        scope.provide(token, () => resolve(scope, useClass))
    },
  })
}
