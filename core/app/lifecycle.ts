import { RookeryError } from '../protocol/errors.ts'
import { createAbortController } from '../util/abort.ts'
import type { Logger } from '../util/logger.ts'
import { within } from '../util/promises.ts'
import type { Token } from '../util/token.ts'
import type { Work } from '../util/work.ts'
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

/** A plugin, a transport or the cluster backend. */
interface Part {
  readonly name: string
  readonly close: () => void | Promise<void>
  closed: boolean
}

type Step = (signal: AbortSignal) => void | Promise<void>

/** Plugins that are part of an app. A plugin may keep the state of its app in variables, so that it fits no other app. */
const USED = new WeakSet<Plugin>()

/** Sets plugins up, starts them in dependency order, and stops them in reverse order. */
export class Lifecycle {
  readonly #plugins: readonly Plugin[]
  readonly #scope: ContainerScope
  /** Parts whose start has begun, in this order. */
  readonly #parts: Part[] = []
  readonly #partOf = new Map<Plugin, Part>()
  readonly #log: Logger
  readonly #work: Work
  readonly #stopped = createAbortController()

  /**
   * @throws `duplicate_plugin`, `duplicate_provider`, `missing_requirement`, `dependency_cycle`, `plugin_failed`,
   * `invalid_option` for a plugin of another app
   */
  constructor(plugins: readonly Plugin[], scope: ContainerScope, log: Logger, work: Work) {
    this.#scope = scope
    this.#log = log
    this.#work = work
    const names = new Set<string>()
    for (const plugin of plugins) {
      const { name } = plugin
      if (USED.has(plugin)) {
        throw new RookeryError(
          'invalid_option',
          `The plugin '${name}' is part of another app; create a plugin for each app, with a function`,
        )
      }
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
    for (const plugin of plugins) USED.add(plugin)
  }

  /** Starts a part within a time limit. `stop` closes it, also if the start has failed. @throws `app_stopped` */
  async open(name: string, limit: number, step: Step | undefined, close: Part['close']): Promise<void> {
    await this.#open({ name, close, closed: false }, limit, step)
  }

  async startPlugins(limit: number): Promise<void> {
    for (const plugin of this.#plugins) {
      const scope = this.#scope.for(plugin.name)
      const start = plugin.start && ((signal: AbortSignal) => plugin.start?.(scope, { signal }))
      const part: Part = { name: plugin.name, close: () => plugin.stop?.(), closed: false }
      this.#partOf.set(plugin, part)
      await this.#open(part, limit, start)
    }
  }

  async listen(limit: number): Promise<void> {
    for (const plugin of this.#plugins) {
      if (!plugin.listen) continue
      const scope = this.#scope.for(plugin.name)
      const part = this.#partOf.get(plugin) as Part
      await this.#run(part, 'listen', limit, (signal) => plugin.listen?.(scope, { signal }))
    }
  }

  /** Ends the start under way: the step that runs gets an aborted signal, and no step begins any more. */
  abort(): void {
    this.#stopped.abort()
  }

  /** @throws `app_stopped` */
  assertNotStopped(): void {
    if (this.#stopped.signal.aborted) throw stoppedWhileStarting()
  }

  /** Closes everything in reverse order of opening. Logs each failure and goes on. */
  async stop(limit: number): Promise<void> {
    for (let part = this.#parts.pop(); part; part = this.#parts.pop()) await this.#close(part, limit)
    this.#scope.dispose()
  }

  async #open(part: Part, limit: number, step: Step | undefined): Promise<void> {
    this.assertNotStopped()
    this.#parts.push(part)
    if (step) await this.#run(part, 'start', limit, step)
  }

  async #run(part: Part, stage: 'start' | 'listen', limit: number, step: Step): Promise<void> {
    this.assertNotStopped()
    const controller = createAbortController()
    let stop = () => {}
    const stopped = new Promise<never>((_resolve, reject) => {
      stop = () => reject(stoppedWhileStarting())
      this.#stopped.signal.addEventListener('abort', stop)
    })
    let end = () => {}
    const running = this.#work.run('starts', async (ended) => {
      end = ended
      await step(controller.signal)
    })
    // What the step opens after its part was closed is closed again.
    const closeAgain = async () => {
      if (part.closed) await this.#close(part, limit)
    }
    void running.then(closeAgain, closeAgain)
    const timeout = () =>
      new RookeryError('plugin_timeout', `${part.name}: ${stage} did not finish within ${limit} ms`)
    try {
      await within(limit, Promise.race([running, stopped]), timeout)
    } catch (error) {
      controller.abort(error)
      // The drain of a stop waits for the step. A step that has had its time is given up.
      if (this.#stopped.signal.aborted) throw stoppedWhileStarting()
      end()
      throw failure(part.name, stage, error)
    } finally {
      this.#stopped.signal.removeEventListener('abort', stop)
    }
  }

  async #close(part: Part, limit: number): Promise<void> {
    const { name, close } = part
    part.closed = true
    const timeout = () =>
      new RookeryError('plugin_timeout', `${name}: stop did not finish within ${limit} ms`)
    try {
      await within(limit, Promise.resolve().then(close), timeout)
    } catch (error) {
      this.#log.error({ err: error, plugin: name, stage: 'stop' }, 'a plugin did not stop cleanly')
    }
  }
}

const stoppedWhileStarting = (): RookeryError =>
  new RookeryError('app_stopped', 'The app was stopped while it started')

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
