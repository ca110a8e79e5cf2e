import type { DependencyContainer } from 'tsyringe'
import { Container } from '../../core/app/container.ts'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import type { Scope } from '../../core/app/scope.ts'
import { checkOptions, type OptionCheck, option } from '../../core/util/options.ts'
import type { Token } from '../../core/util/token.ts'
import { type Constructor, tokensOf } from './decorators.ts'

/** A class that provides a token. The app constructs one instance. */
export interface ClassProvider<T = unknown> {
  readonly token: Token<T>
  readonly useClass: Constructor<T>
}

export interface DiOptions {
  /** Classes to provide. Each class is constructed once, when its token is first requested. */
  readonly providers: readonly ClassProvider[]
}

const isProvider: OptionCheck = (value) => {
  const { token, useClass } = (value ?? {}) as Partial<ClassProvider>
  return typeof token?.key === 'symbol' && typeof useClass === 'function'
    ? undefined
    : '{ token, useClass }, with a token of createToken() and a class'
}

/**
 * Constructs an injectable class and injects its dependencies. Each call returns a new instance.
 *
 * @throws `invalid_option`, `missing_provider`, `dependency_cycle`
 * @example const billing = resolve(app.scope, Billing)
 */
export const resolve = <T>(scope: Scope, type: Constructor<T>): T => {
  // Request each token first: the error for a missing one is then Rookery's, which names its plugin, and not tsyringe's.
  for (const token of tokensOf(type)) scope.get(token)
  return (scope.get(Container) as DependencyContainer).resolve(type)
}

/**
 * Dependency injection for application classes. The app can construct your classes and inject their dependencies.
 * Based on tsyringe.
 *
 * @throws `invalid_option`
 * @example di({ providers: [{ token: Mailer, useClass: SmtpMailer }] })
 */
export const di = (options: DiOptions): Plugin => {
  const { providers }: Partial<DiOptions> = options ?? {}
  checkOptions('di()', { ...options, providers: providers ?? null }, { providers: option.list(isProvider) })
  for (const { useClass } of options.providers) tokensOf(useClass)
  return definePlugin({
    name: 'di',
    setup(scope) {
      for (const { token, useClass } of options.providers)
        scope.provide(token, () => resolve(scope, useClass))
    },
  })
}
