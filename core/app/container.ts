import 'reflect-metadata'
import { type DependencyContainer, container as root } from 'tsyringe'
import { RookeryError } from '../protocol/errors.ts'
import { createToken, type Token } from '../util/token.ts'
import type { Scope } from './scope.ts'

/** The tsyringe container behind a scope, for `rookery/di` only. */
export const Container = createToken<unknown>('Container')

/** A scope over a tsyringe child container. It knows the provider of each token, and can be disposed of. */
export interface ContainerScope extends Scope {
  /** The scope for one plugin. The plugin's name is recorded with each token that it provides. */
  for(owner: string): Scope
  /** Provides a token that a plugin may provide instead, later. @throws `duplicate_provider` */
  provideDefault<T>(token: Token<T>, factory: () => T): void
  /** Name of the plugin that provides a token. */
  ownerOf(token: Token<unknown>): string | undefined
  /** Records that a plugin requires a token. */
  require(token: Token<unknown>): void
  /** Removes all providers. */
  dispose(): void
}

const missing = (token: Token<unknown>): RookeryError =>
  new RookeryError(
    'missing_provider',
    `No plugin provides ${token.name}${token.providedBy ? `; add ${token.providedBy} to the plugins` : ''}`,
  )

/** The key of a token. A value that is not a token is usually undefined because two modules import each other. */
const keyOf = (token: Token<unknown> | undefined): symbol => {
  if (typeof token?.key === 'symbol') return token.key
  throw new RookeryError(
    'invalid_option',
    `${String(token)} is not a token; if it was imported, do the modules import each other?`,
  )
}

export const createScope = (): ContainerScope => {
  const container: DependencyContainer = root.createChildContainer()
  const owners = new Map<symbol, string>()
  const defaults = new Set<symbol>()
  const required = new Set<symbol>()
  const resolving: Token<unknown>[] = []
  let disposed = false
  const assertUsable = (token: Token<unknown>) => {
    if (disposed)
      throw new RookeryError('app_stopped', `The app has stopped, and its scope no longer has ${token.name}`)
  }

  const build = <T>(token: Token<T>, factory: () => T): T => {
    if (resolving.includes(token)) {
      const path = [...resolving.slice(resolving.indexOf(token)), token].map(({ name }) => name).join(' -> ')
      throw new RookeryError('dependency_cycle', `Providers need each other: ${path}`)
    }
    resolving.push(token)
    try {
      return factory()
    } finally {
      resolving.pop()
    }
  }

  const provide = <T>(owner: string, token: Token<T>, factory: () => T): void => {
    const other = owners.get(keyOf(token))
    assertUsable(token)
    if (other !== undefined && !defaults.delete(token.key)) {
      throw new RookeryError(
        'duplicate_provider',
        `Both ${other} and ${owner} provide ${token.name}; leave one of them out`,
      )
    }
    owners.set(token.key, owner)
    let made: { readonly value: T } | undefined
    container.register(token.key, { useFactory: () => (made ??= { value: build(token, factory) }).value })
  }

  const scope = (owner: string): Scope => ({
    provide: (token, factory) => provide(owner, token, factory),
    get: <T>(token: Token<T>): T => {
      const isProvided = owners.has(keyOf(token))
      assertUsable(token)
      if (!isProvided) throw missing(token)
      return container.resolve<T>(token.key)
    },
    has: (token) => owners.has(keyOf(token)),
    isRequired: (token) => required.has(keyOf(token)),
  })

  const core: ContainerScope = {
    ...scope('core'),
    for: scope,
    provideDefault: (token, factory) => {
      core.provide(token, factory)
      defaults.add(token.key)
    },
    ownerOf: (token) => owners.get(keyOf(token)),
    require: (token) => void required.add(keyOf(token)),
    dispose: () => {
      disposed = true
      owners.clear()
      container.reset()
    },
  }
  core.provide(Container, () => container)
  return core
}
