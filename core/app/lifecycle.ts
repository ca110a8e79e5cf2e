import { RookeryError } from '../protocol/errors.ts'
import type { Logger } from '../util/logger.ts'
import { within } from '../util/promises.ts'
import type { Token } from '../util/token.ts'
import type { ContainerScope } from './container.ts'
import type { Plugin } from './plugin.ts'

/** Sorts plugins so that each comes after the plugins that provide its required tokens. */
const sortPlugins = (plugins: readonly Plugin[], scope: ContainerScope): Plugin[] => {
  const byName = new Map(plugins.map((plugin) => [plugin.name, plugin]))
  const sorted = new Set<Plugin>()
  const path: string[] = []
  const ownerOf = (token: Token<unknown>, plugin: Plugin) => {
    try {
      return scope.ownerOf(token)
    } catch (error) {
      throw failure(plugin.name, 'requires', error)
    }
  }
  const visit = (plugin: Plugin) => {
    if (sorted.has(plugin)) return
    if (path.includes(plugin.name)) {
      const cycle = [...path.slice(path.indexOf(plugin.name)), plugin.name].join(' -> ')
      throw new RookeryError('dependency_cycle', `Plugins require each other: ${cycle}`)
    }
    path.push(plugin.name)
    for (const token of plugin.requires ?? []) {
      const owner = ownerOf(token, plugin)
      scope.require(token)
      if (owner === undefined) {
        const hint = token.providedBy ? `; add ${token.providedBy} to the plugins` : ''
        throw new RookeryError(
          'missing_requirement',
          `Plugin '${plugin.name}' requires ${token.name}, which no plugin provides${hint}`,
        )
      }
      const provider = byName.get(owner)
      if (provider && provider !== plugin) visit(provider)
    }
    path.pop()
    sorted.add(plugin)
  }
  for (const plugin of plugins) visit(plugin)
  return [...sorted]
}

/** How to close a plugin, a transport or the cluster backend that has been opened. */
interface Closer {
  readonly name: string
  readonly close: () => void | Promise<void>
}

/** Sets plugins up, starts them in dependency order, and stops them in reverse order. */
export class Lifecycle {
  readonly #plugins: readonly Plugin[]
  readonly #scope: ContainerScope
  readonly #closers: Closer[] = []
  readonly #log: Logger

  /** @throws `duplicate_plugin`, `duplicate_provider`, `missing_requirement`, `dependency_cycle`, `plugin_failed` */
  constructor(plugins: readonly Plugin[], scope: ContainerScope, log: Logger) {
    this.#scope = scope
    this.#log = log
    const names = new Set<string>()
    for (const { name } of plugins) {
      if (names.has(name)) {
        throw new RookeryError(
          'duplicate_plugin',
          `Two plugins are called '${name}'; leave one out or rename it`,
        )
      }
      names.add(name)
    }
    for (const plugin of plugins) {
      try {
        const result: unknown = plugin.setup?.(scope.for(plugin.name))
        if (result instanceof Promise) {
          // `createApp` fails in any case, so a rejection of this promise does not matter.
          result.catch(() => {})
          throw new Error('setup must be synchronous; move asynchronous work to start')
        }
      } catch (error) {
        throw failure(plugin.name, 'setup', error)
      }
    }
    this.#plugins = sortPlugins(plugins, scope)
  }

  /** Runs one step of the start within a time limit. `stop` runs its `close`, also if the step failed. */
  async open(
    name: string,
    stage: 'start' | 'listen',
    limit: number,
    step: (() => void | Promise<void>) | undefined,
    close?: () => void | Promise<void>,
  ): Promise<void> {
    if (close) this.#closers.push({ name, close })
    if (!step) return
    const timeout = () =>
      new RookeryError('plugin_timeout', `${name}: ${stage} did not finish within ${limit} ms`)
    try {
      await within(limit, Promise.resolve().then(step), timeout)
    } catch (error) {
      throw failure(name, stage, error)
    }
  }

  async startPlugins(limit: number): Promise<void> {
    for (const plugin of this.#plugins) {
      const start = plugin.start && (() => plugin.start?.(this.#scope.for(plugin.name)))
      await this.open(plugin.name, 'start', limit, start, plugin.stop && (() => plugin.stop?.()))
    }
  }

  async listen(limit: number): Promise<void> {
    for (const plugin of this.#plugins) {
      const listen = plugin.listen && (() => plugin.listen?.(this.#scope.for(plugin.name)))
      await this.open(plugin.name, 'listen', limit, listen)
    }
  }

  /** Closes everything in reverse order of opening. Logs each failure and goes on. */
  async stop(limit: number): Promise<void> {
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      const { name, close } = closer
      const timeout = () =>
        new RookeryError('plugin_timeout', `${name}: stop did not finish within ${limit} ms`)
      try {
        await within(limit, Promise.resolve().then(close), timeout)
      } catch (error) {
        this.#log.error({ err: error, plugin: name, stage: 'stop' }, 'a plugin did not stop cleanly')
      }
    }
    this.#scope.dispose()
  }
}

/** Adds the plugin's name to its error. Keeps a code that tells what is wrong with the composition of the app. */
const failure = (name: string, stage: string, cause: unknown): RookeryError => {
  const coded =
    cause instanceof RookeryError &&
    (cause.code === 'cluster_unavailable' || (cause.status === 500 && cause.code !== 'internal'))
  if (coded && (cause.code === 'plugin_timeout' || cause.code === 'plugin_failed')) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const hint =
    coded && cause.code === 'missing_provider' && stage === 'setup'
      ? ', or get it in start or in a factory: plugins are set up in the order they are listed'
      : ''
  return new RookeryError(
    coded ? cause.code : 'plugin_failed',
    `Plugin '${name}' failed at ${stage}: ${reason}${hint}`,
    { cause },
  )
}
