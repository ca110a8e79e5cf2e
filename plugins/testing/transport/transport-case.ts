import { vi } from 'vitest'
import type { App } from '../../../core/app/app.ts'
import { createRandom, type Random } from '../random.ts'
import type { Until } from './test-peer.ts'
import { TestServer, type TestServerOptions } from './test-server.ts'
import type { Capability, TransportSettings } from './transport-options.ts'

/** A conformance case: one promise of the transport contract, with the test of it. */
export interface TransportCase {
  /** The promise, as a sentence. It is the title of the test. */
  readonly name: string
  /** The case is skipped for a transport without this capability. */
  readonly capability?: Capability
  run(context: TransportCaseContext): Promise<void>
}

/** Starts the servers of one case and stops them at its end. */
export class TransportCaseContext {
  readonly random: Random
  /** Milliseconds to wait for any one condition. */
  readonly timeout: number
  readonly #settings: TransportSettings
  readonly #servers: TestServer[] = []

  constructor(settings: TransportSettings, purpose: string) {
    this.#settings = settings
    this.timeout = settings.timeout
    this.random = createRandom(settings.seed, purpose)
  }

  /** Starts an app with the transport. `prepare` adds handlers and hooks before the start. */
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

  expectNoErrors(): void {
    for (const server of this.#servers) server.expectNoErrors()
  }

  async stop(): Promise<void> {
    for (const server of this.#servers.reverse()) await server.stop()
  }
}

/** Runs one case and stops its servers. @throws if the transport breaks the promise */
export const runTransportCase = async (
  { name, run }: TransportCase,
  settings: TransportSettings,
): Promise<void> => {
  const context = new TransportCaseContext(settings, name)
  try {
    await run(context)
  } finally {
    await context.stop()
  }
  context.expectNoErrors()
}
