import { vi } from 'vitest'
import type { App } from '../../../core/app/app.ts'
import type { AppOptions } from '../../../core/app/app-options.ts'
import { createApp } from '../../../core/app/create-app.ts'
import type { Logger } from '../../../core/util/logger.ts'
import { createRandom, type Random } from '../random.ts'
import { excerpt, violation } from '../violation.ts'
import { withCachedScope } from './cached-scope.ts'
import { TestPeer, type Until } from './test-peer.ts'
import type { Capability, PeerHandshake, TransportSettings } from './transport-options.ts'
import { TransportRecorder } from './transport-recorder.ts'

/** One promise of the contract, and how to find out whether it is kept. */
export interface TransportCase {
  /** Reads as a promise. */
  readonly name: string
  /** What the transport must be able to do for the promise to make sense. */
  readonly capability?: Capability
  run(context: TransportCaseContext): Promise<void>
}

export type TestServerOptions = Omit<AppOptions, 'plugins' | 'logger'>

/** An app with the transport, and its peers. */
export class TestServer {
  readonly app: App
  readonly recorder = new TransportRecorder()
  readonly #settings: TransportSettings
  readonly #until: Until
  readonly #peers: TestPeer[] = []
  readonly #errors: string[] = []
  readonly #appForPeers: App

  constructor(settings: TransportSettings, options: TestServerOptions, until: Until) {
    this.#settings = settings
    this.#until = until
    const plugins = [this.recorder.plugin, ...settings.plugins()]
    this.app = createApp({ stopTimeout: settings.timeout, ...options, logger: this.#logger(), plugins })
    this.app.handle('echo', (_ctx, payload) => payload)
    this.#appForPeers = withCachedScope(this.app)
  }

  /** Connects a peer, which may not have been welcomed yet. */
  async connect(handshake: Partial<PeerHandshake> = {}): Promise<TestPeer> {
    const peer = await this.#settings.connect(this.#appForPeers, { params: {}, ...handshake })
    const tested = new TestPeer(peer, this.#until)
    this.#peers.push(tested)
    return tested
  }

  /** Connects a peer and waits for its welcome. */
  async openSession(handshake: Partial<PeerHandshake> = {}): Promise<TestPeer> {
    const peer = await this.connect(handshake)
    await peer.untilWelcome()
    return peer
  }

  /** Resolves when this many sessions are left, and with the last of them all that they used. */
  async untilSessions(sessions: number, requirement: string): Promise<void> {
    await this.#until(() => {
      const { usage } = this.app
      const rest = sessions === 0 ? usage.patterns + usage.nodes : 0
      if (usage.sessions !== sessions || rest > 0) {
        throw violation(requirement, `${sessions} sessions should be left, in use are ${excerpt(usage)}`)
      }
    })
  }

  /** @throws what the app had to log as the transport's fault */
  expectNoErrors(): void {
    if (this.#errors.length > 0)
      throw violation('The app has nothing to complain of', this.#errors.join('; '))
  }

  async stop(): Promise<void> {
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
export class TransportCaseContext {
  readonly random: Random
  /** Milliseconds that anything promised may take to come true. */
  readonly timeout: number
  readonly #settings: TransportSettings
  readonly #servers: TestServer[] = []

  constructor(settings: TransportSettings, purpose: string) {
    this.#settings = settings
    this.timeout = settings.timeout
    this.random = createRandom(settings.seed, purpose)
  }

  /** Starts an app; `prepare` adds handlers and hooks before. */
  async start(options: TestServerOptions = {}, prepare?: (app: App) => void): Promise<TestServer> {
    const server = new TestServer(this.#settings, options, this.until)
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
    for (const server of this.#servers) server.expectNoErrors()
  }

  async end(): Promise<void> {
    for (const server of this.#servers.reverse()) await server.stop()
  }
}

/** Runs one case and clears up after it. @throws when the promise is not kept */
export const runTransportCase = async (
  { name, run }: TransportCase,
  settings: TransportSettings,
): Promise<void> => {
  const context = new TransportCaseContext(settings, name)
  try {
    await run(context)
  } finally {
    await context.end()
  }
  context.check()
}
