import { vi } from 'vitest'
import type { App } from '../../../core/app/app.ts'
import type { AppOptions } from '../../../core/app/app-options.ts'
import { createApp } from '../../../core/app/create-app.ts'
import type { Logger } from '../../../core/util/logger.ts'
import { createRandom, type Random } from '../random.ts'
import { breach, show } from '../violation.ts'
import { rememberScope } from './cached-scope.ts'
import { TestPeer, type Until } from './test-peer.ts'
import type { Capability, PeerHandshake, Settings } from './transport-options.ts'
import { Probe } from './transport-recorder.ts'

/** One promise of the contract, and how to find out whether it is kept. */
export interface Case {
  /** Reads as a promise. */
  readonly name: string
  /** What the transport must be able to do for the promise to make sense. */
  readonly capability?: Capability
  run(trial: Trial): Promise<void>
}

export type ServerOptions = Omit<AppOptions, 'plugins' | 'logger'>

/** An app with the transport, and its peers. */
export class Server {
  readonly app: App
  readonly probe = new Probe()
  readonly #settings: Settings
  readonly #until: Until
  readonly #peers: TestPeer[] = []
  readonly #errors: string[] = []
  readonly #remembered: App

  constructor(settings: Settings, options: ServerOptions, until: Until) {
    this.#settings = settings
    this.#until = until
    const plugins = [this.probe.plugin, ...settings.plugins()]
    this.app = createApp({ stopTimeout: settings.timeout, ...options, logger: this.#logger(), plugins })
    this.app.handle('echo', (_ctx, payload) => payload)
    this.#remembered = rememberScope(this.app)
  }

  /** Connects a peer, which may not have been welcomed yet. */
  async connect(handshake: Partial<PeerHandshake> = {}): Promise<TestPeer> {
    const peer = await this.#settings.connect(this.#remembered, { params: {}, ...handshake })
    const tested = new TestPeer(peer, this.#until)
    this.#peers.push(tested)
    return tested
  }

  /** Connects a peer and waits for its welcome. */
  async join(handshake: Partial<PeerHandshake> = {}): Promise<TestPeer> {
    const peer = await this.connect(handshake)
    await peer.welcome()
    return peer
  }

  /** Resolves when this many sessions are left, and with the last of them all that they used. */
  async untilLeft(sessions: number, demand: string): Promise<void> {
    await this.#until(() => {
      const { usage } = this.app
      const rest = sessions === 0 ? usage.patterns + usage.nodes : 0
      if (usage.sessions !== sessions || rest > 0) {
        throw breach(demand, `${sessions} sessions should be left, in use are ${show(usage)}`)
      }
    })
  }

  /** @throws what the app had to log as the transport's fault */
  check(): void {
    if (this.#errors.length > 0) throw breach('The app has nothing to complain of', this.#errors.join('; '))
  }

  async end(): Promise<void> {
    for (const peer of this.#peers) peer.abort()
    await this.app.stop()
  }

  /** Takes note of what must not happen: a wire that throws, a transport that does not stop. */
  #logger(): Logger {
    const error = (first: string | object, message?: string) => {
      const { stage, err } =
        typeof first === 'string' ? { stage: undefined, err: undefined } : (first as Fields)
      if (stage === 'write' || stage === 'stop') this.#errors.push(`it logged '${message}': ${err?.message}`)
    }
    return { debug: () => {}, info: () => {}, warn: () => {}, error }
  }
}

interface Fields {
  readonly stage?: string
  readonly err?: Error
}

/** What a case has to work with. */
export class Trial {
  readonly random: Random
  /** Milliseconds that anything promised may take to come true. */
  readonly timeout: number
  readonly #settings: Settings
  readonly #servers: Server[] = []

  constructor(settings: Settings, purpose: string) {
    this.#settings = settings
    this.timeout = settings.timeout
    this.random = createRandom(settings.seed, purpose)
  }

  /** Starts an app; `prepare` adds handlers and hooks before. */
  async start(options: ServerOptions = {}, prepare?: (app: App) => void): Promise<Server> {
    const server = new Server(this.#settings, options, this.until)
    this.#servers.push(server)
    prepare?.(server.app)
    await server.app.start()
    return server
  }

  has(capability: Capability): boolean {
    return this.#settings.missing[capability] === undefined
  }

  readonly until: Until = (check) => vi.waitFor(check, { timeout: this.timeout, interval: 5 })

  check(): void {
    for (const server of this.#servers) server.check()
  }

  async end(): Promise<void> {
    for (const server of this.#servers.reverse()) await server.end()
  }
}

/** Runs one case and clears up after it. @throws when the promise is not kept */
export const runCase = async ({ name, run }: Case, settings: Settings): Promise<void> => {
  const trial = new Trial(settings, name)
  try {
    await run(trial)
  } finally {
    await trial.end()
  }
  trial.check()
}
