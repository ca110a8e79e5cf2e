import type { Bus } from '../bus/bus.ts'
import type { EventInit, PublishOptions } from '../bus/event.ts'
import type { Sent } from '../cluster/addressing.ts'
import { Cluster } from '../cluster/cluster.ts'
import { createInProcessCluster } from '../cluster/in-process.ts'
import type { Nodes } from '../cluster/nodes.ts'
import type { Target } from '../cluster/target.ts'
import { AppContract } from '../handlers/contract-rules.ts'
import type { Handler } from '../handlers/handle.ts'
import { createGroup, type UntypedGroup } from '../handlers/handler-group.ts'
import type { AnyMiddleware, GroupOptions, Middleware } from '../handlers/middleware.ts'
import { History, KeptStream } from '../history/history.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Untyped } from '../protocol/protocol.ts'
import { Limits } from '../sessions/limits.ts'
import { Sessions } from '../sessions/sessions.ts'
import { type Transport, TransportHost, Transports } from '../sessions/transport.ts'
import { createLogger, isolateLogger, Logger } from '../util/logger.ts'
import { observed } from '../util/observed-promise.ts'
import { type App, type AppState, AppToken, type Usage } from './app.ts'
import type { AppOptions } from './app-options.ts'
import { type AppSettings, readAppOptions } from './app-settings.ts'
import { type ContainerScope, createScope } from './container.ts'
import { drain } from './drain.ts'
import { Engine } from './engine.ts'
import { type ErrorHook, ErrorReports } from './error-hook.ts'
import { Lifecycle } from './lifecycle.ts'
import { createReadiness, Readiness } from './readiness.ts'

class RookeryApp implements App {
  readonly bus: Bus
  readonly sessions: Sessions
  readonly cluster: Nodes
  readonly scope: ContainerScope
  readonly #settings: AppSettings
  readonly #engine: Engine
  readonly #lifecycle: Lifecycle
  readonly #log: Logger
  readonly #transports: Transport[] = []
  #state: AppState = 'created'
  #starting: Promise<this> | undefined
  #stopping: Promise<void> | undefined

  constructor(options: AppOptions<unknown>) {
    const settings = readAppOptions(options)
    const { logger } = settings
    this.#settings = settings
    this.#log = typeof logger === 'string' ? createLogger(logger) : isolateLogger(logger)
    this.#engine = new Engine(settings, this.#log)
    this.bus = this.#engine.bus
    this.sessions = this.#engine.sessions
    this.cluster = this.#engine.nodes
    this.scope = createScope()
    this.scope.provide(AppToken, () => this)
    this.scope.provide(Logger, () => this.#log)
    this.scope.provide(ErrorReports, () => this.#engine.reports)
    this.scope.provide(Sessions, () => this.sessions)
    this.scope.provide(AppContract, () => settings.contract)
    this.scope.provide(Limits, () => settings.limits)
    this.scope.provide(Readiness, createReadiness)
    this.scope.provide(TransportHost, () => this.#engine.transportHost)
    this.scope.provide(Transports, () => ({
      add: (transport: Transport) => void this.#transports.push(transport),
    }))
    this.scope.provideDefault(Cluster, () => createInProcessCluster())
    this.scope.provideDefault(KeptStream, () => undefined)
    this.#lifecycle = new Lifecycle(settings.plugins, this.scope, this.#log, this.#engine.work)
    this.#engine.join(this.scope.get(Cluster), this.scope.get(KeptStream))
  }

  get state(): AppState {
    return this.#state
  }

  get usage(): Usage {
    return this.#engine.usage
  }

  get refusals(): Readonly<Record<string, number>> {
    return this.#engine.reports.refusals
  }

  handle(topic: string, ...args: readonly unknown[]): () => void {
    return this.#engine.handlers.add(topic, ...(args as [Handler]))
  }

  group(options: GroupOptions<readonly AnyMiddleware[]>): UntypedGroup {
    return createGroup(this.#engine.handlers, options)
  }

  use(first: string | Middleware, second?: Middleware): () => void {
    return typeof first === 'string'
      ? this.#engine.handlers.use(first, second)
      : this.#engine.handlers.use(undefined, first)
  }

  onError(hook: ErrorHook): () => void {
    return this.#engine.reports.onError(hook)
  }

  publish(input: string | EventInit, payload?: unknown, options?: PublishOptions): Promise<void> {
    return this.#engine.publish(input, payload, options)
  }

  get history(): History {
    return this.scope.get(History)
  }

  send(target: Target, topic: string, payload?: unknown): Promise<Sent> {
    return this.#engine.send(target, topic, payload)
  }

  start(): Promise<this> {
    if (this.#stopping) {
      return Promise.reject(new RookeryError('app_stopped', 'The app has been stopped; create a new one'))
    }
    this.#starting ??= this.#start()
    return this.#starting
  }

  stop(): Promise<void> {
    // Code that the drain waits for may await the stop: a handler, a listener, a hook, the start of a plugin.
    this.#stopping ??= observed(this.#stop(), () => this.#engine.work.leave())
    return this.#stopping
  }

  async #start(): Promise<this> {
    this.#state = 'starting'
    const { startTimeout } = this.#settings
    try {
      const cluster = this.scope.get(Cluster)
      const limit = cluster.startTimeout ?? startTimeout
      await this.#lifecycle.open('cluster', limit, this.#join, () => cluster.stop())
      await this.#lifecycle.startPlugins(startTimeout)
      for (const transport of this.#transports) {
        const start = () => transport.start(this.#engine.transportHost)
        await this.#lifecycle.open(transport.name, startTimeout, start, () => transport.stop())
      }
      this.#warnIfOpenToAll()
      // Before `listen`, so that the first client is not refused.
      this.#engine.accept(true)
      await this.#lifecycle.listen(startTimeout)
      this.#lifecycle.assertNotStopped()
    } catch (error) {
      await this.#close()
      throw error
    }
    this.#state = 'started'
    this.#log.info({ plugins: this.#settings.plugins.map(({ name }) => name) }, 'started')
    return this
  }

  /** Joins the cluster. A backend may wait for its server without a limit, until it is stopped. */
  readonly #join = async (signal: AbortSignal): Promise<void> => {
    const cluster = this.scope.get(Cluster)
    // An error of this call occurs again when the cluster is closed, which logs it.
    const giveUp = () => void cluster.stop().catch(() => {})
    signal.addEventListener('abort', giveUp, { once: true })
    await cluster.start(this.#engine.clusterHost)
    signal.removeEventListener('abort', giveUp)
  }

  #warnIfOpenToAll(): void {
    const hasClients = this.#transports.length > 0
    if (!hasClients || this.#settings.allowAnonymous || !this.#engine.sessions.isOpenToAll) return
    const text =
      'anonymous clients may subscribe and send to every topic: add auth() or an authorizer, or set allowAnonymous: true ' +
      'in createApp() if everything is public'
    if (process.env.NODE_ENV === 'production') this.#log.error(text)
    else this.#log.warn(text)
  }

  async #stop(): Promise<void> {
    this.#lifecycle.abort()
    await this.#starting?.catch(() => {})
    if (this.#state === 'stopped') return
    const wasStarted = this.#state === 'started'
    this.#state = 'stopping'
    const { drainDelay } = this.#settings
    if (wasStarted && drainDelay > 0) await new Promise((resolve) => setTimeout(resolve, drainDelay))
    await this.#close()
    this.#log.info('stopped')
  }

  async #close(): Promise<void> {
    this.#state = 'stopping'
    const { stopTimeout, reconnectSpread } = this.#settings
    this.#engine.accept(false)
    const { sessions, work } = this.#engine
    const cluster = this.scope.get(Cluster)
    await drain({ sessions, work, cluster, reconnectSpread }, stopTimeout, this.#log)
    await this.#lifecycle.stop(stopTimeout)
    this.bus.close()
    this.#state = 'stopped'
  }
}

/**
 * Creates an app from plugins. The plugins are set up at once, so that their tokens can be used before `start`.
 *
 * @throws `invalid_option`, `duplicate_plugin`, `duplicate_provider`, `missing_requirement`,
 * `dependency_cycle`, `plugin_failed`
 * @example
 * const app = createApp({ plugins: [http({ port: 3000 }), websocket(), rooms()] })
 * app.handle('chat/send', (ctx, payload) => ctx.publish(`rooms/${ctx.room}/messages`, payload))
 * await app.start()
 */
export const createApp = <const C = Untyped>(options: AppOptions<C> = {}): App<C> =>
  new RookeryApp(options) as unknown as App<C>
