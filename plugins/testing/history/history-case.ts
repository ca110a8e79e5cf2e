import { expect, vi } from 'vitest'
import type { HistoryLimits } from '../../../core/history/store.ts'
import { createRandom, type Random } from '../random.ts'
import { runAndStop } from '../run-and-stop.ts'
import { HistoryNode } from './history-node.ts'
import {
  checkHistoryEnvironment,
  type HistoryCapability,
  type HistoryEnvironment,
  type HistorySuiteSettings,
} from './history-options.ts'

/** A conformance case: one promise of the contract of a store, with the test of it. */
export interface HistoryCase {
  /** The promise, as a sentence. It is the title of the test. */
  readonly name: string
  /** The case is skipped in an environment without this capability. */
  readonly capability?: HistoryCapability
  run(context: HistoryCaseContext): Promise<void>
}

/** Limits that no case reaches by itself. */
const WIDE_LIMITS: HistoryLimits = { maxMessages: 100_000, maxBytes: 64 * 1024 * 1024, maxAge: 3_600_000 }

/** Starts the stores of one case, which use one stream, and stops them at its end. */
export class HistoryCaseContext {
  readonly random: Random
  /** Milliseconds to wait for any one condition. */
  readonly timeout: number
  readonly #environment: HistoryEnvironment
  readonly #nodes: HistoryNode[] = []

  constructor(environment: HistoryEnvironment, { timeout, seed }: HistorySuiteSettings, purpose: string) {
    this.#environment = environment
    this.timeout = timeout
    this.random = createRandom(seed, purpose)
  }

  /** Creates a store without starting it. */
  async createNode(): Promise<HistoryNode> {
    const node = new HistoryNode(await this.#environment.create())
    this.#nodes.push(node)
    return node
  }

  /** Starts a store. Resolves when it is available. */
  async startNode(limits: Partial<HistoryLimits> = {}): Promise<HistoryNode> {
    const node = await this.createNode()
    await node.start({ ...WIDE_LIMITS, ...limits })
    const requirement = 'HistoryStoreHost.available MUST be called when the store can be used'
    await this.until(() => expect(node.availability.at(-1), requirement).toBe(true))
    return node
  }

  /** Resolves when a node has got the messages up to a number. */
  async untilDelivered(node: HistoryNode, seq: number): Promise<void> {
    await this.until(() =>
      expect(node.delivered.at(-1)?.seq, 'Each message MUST be delivered to every node').toBe(seq),
    )
  }

  /** Deletes the stream. */
  async recreate(): Promise<void> {
    await this.#environment.recreate?.()
  }

  readonly until = <T>(check: () => T | Promise<T>): Promise<T> =>
    vi.waitFor(check, { timeout: this.timeout, interval: 5 })

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(({ store }) => store.stop()))
  }
}

/** Runs one case, then stops its stores and its environment. @throws if the store breaks the promise */
export const runHistoryCase = async (
  { name, run }: HistoryCase,
  settings: HistorySuiteSettings,
): Promise<void> => {
  const environment = checkHistoryEnvironment(await settings.start(), settings)
  const context = new HistoryCaseContext(environment, settings, name)
  await runAndStop(() => run(context), context, environment)
}
