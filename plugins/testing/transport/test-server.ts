import type { App } from '../../../core/app/app.ts'
import type { AppOptions } from '../../../core/app/app-options.ts'
import { createApp } from '../../../core/app/create-app.ts'
import type { Logger } from '../../../core/util/logger.ts'
import { excerpt, violation } from '../violation.ts'
import { withCachedScope } from './cached-scope.ts'
import { testHistory } from './test-history.ts'
import { TestPeer, type Until } from './test-peer.ts'
import type { PeerHandshake, TransportSettings } from './transport-options.ts'
import { TransportRecorder } from './transport-recorder.ts'

export interface TestServerOptions extends Omit<AppOptions, 'plugins' | 'logger'> {
  /** Whether the app keeps the messages whose topics begin with `kept/`. */
  readonly keepsMessages?: boolean
}

/** An app with the transport under test, and the peers that connect to it. */
export class TestServer {
  readonly app: App
  readonly recorder = new TransportRecorder()
  readonly #settings: TransportSettings
  readonly #until: Until
  readonly #peers: TestPeer[] = []
  readonly #errors: string[] = []
  readonly #appForPeers: App

  constructor(settings: TransportSettings, given: TestServerOptions, until: Until) {
    const { keepsMessages, ...options } = given
    this.#settings = settings
    this.#until = until
    const plugins = [this.recorder.plugin, ...(keepsMessages ? [testHistory()] : []), ...settings.plugins()]
    this.app = createApp({
      allowAnonymous: true,
      stopTimeout: settings.timeout,
      ...options,
      logger: this.#logger(),
      plugins,
    })
    this.app.handle('echo', (_ctx, payload) => payload)
    this.#appForPeers = withCachedScope(this.app)
  }

  /** Connects a peer. Does not wait for the welcome. */
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

  /** Resolves when the app has this many sessions. With 0, its subscriptions must be gone, too. */
  async untilSessions(sessions: number, requirement: string): Promise<void> {
    await this.#until(() => {
      const { usage } = this.app
      const rest = sessions === 0 ? usage.patterns + usage.nodes : 0
      if (usage.sessions !== sessions || rest > 0) {
        throw violation(requirement, `expected ${sessions} sessions, app.usage is ${excerpt(usage)}`)
      }
    })
  }

  /** @throws if the app has logged an error of the transport */
  expectNoErrors(): void {
    if (this.#errors.length > 0)
      throw violation('The app MUST log no error of the transport', this.#errors.join('; '))
  }

  async stop(): Promise<void> {
    for (const peer of this.#peers) peer.abort()
    await this.app.stop()
  }

  /** Records errors of the transport: a wire that throws, a transport that does not stop. */
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
