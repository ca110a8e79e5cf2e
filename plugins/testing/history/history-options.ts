import type { HistoryStore } from '../../../core/history/store.ts'
import { RookeryError } from '../../../core/protocol/errors.ts'
import { checkOptions, option } from '../../../core/util/options.ts'

/** Capabilities that some stores do not have. Cases that need a missing one are skipped. */
const CAPABILITIES = {
  /** Several nodes use the same stream: `HistoryEnvironment.create` can be called more than once. */
  nodes: true,
  /** The environment can delete the stream, so that the store creates it anew: `HistoryEnvironment.recreate`. */
  recreate: true,
}

export type HistoryCapability = keyof typeof CAPABILITIES

/** The stream that the nodes of one case use. */
export interface HistoryEnvironment {
  /** Creates the store of another node with the same stream. The suite starts and stops it. */
  create(): Promise<HistoryStore> | HistoryStore
  /** Deletes the stream while the stores are started. Resolves when a new one can be created. */
  recreate?(): Promise<void> | void
  /** Ends the environment. Called when all stores have stopped. */
  stop?(): Promise<void> | void
}

export interface HistoryConformanceOptions {
  /** Name of the store in the report. */
  readonly name: string
  /** Creates the environment of one case, with an empty stream of its own. */
  readonly start: () => Promise<HistoryEnvironment> | HistoryEnvironment
  /** Capabilities that the environment does not have, each with the reason. @default {} */
  readonly missing?: Partial<Readonly<Record<HistoryCapability, string>>>
  /** Milliseconds to wait for any one condition. @default 10_000 */
  readonly timeout?: number
  /** Seed of the random choices. Set it to the seed in the report of a run to repeat that run. @default random */
  readonly seed?: number
}

/** The options, checked, with defaults filled in. */
export type HistorySuiteSettings = Required<HistoryConformanceOptions>

/** @throws `invalid_option` */
export const readHistorySuiteOptions = (options: HistoryConformanceOptions): HistorySuiteSettings => {
  checkOptions('historyConformance()', options, {
    name: option.string,
    start: option.function,
    missing: option.object,
    timeout: option.integer(1),
    seed: option.integer(0, 2 ** 32 - 1),
  })
  const { name, start, missing = {}, timeout = 10_000, seed } = options
  const reasons = Object.fromEntries(Object.keys(CAPABILITIES).map((key) => [key, option.string]))
  checkOptions('historyConformance() missing', missing, reasons)
  if (name === undefined || start === undefined) {
    throw new RookeryError('invalid_option', "historyConformance(): 'name' and 'start' are required")
  }
  return { name, start, missing, timeout, seed: seed ?? Math.floor(Math.random() * 2 ** 32) }
}

/** @throws `invalid_option` if the result of `start` is not a complete environment */
export const checkHistoryEnvironment = (
  environment: HistoryEnvironment,
  { missing }: HistorySuiteSettings,
): HistoryEnvironment => {
  checkOptions('historyConformance() start', environment, {
    create: option.function,
    recreate: option.function,
    stop: option.function,
  })
  const { create, recreate } = environment
  if (create === undefined) {
    const text = "historyConformance(): 'start' must return an environment with 'create'"
    throw new RookeryError('invalid_option', text)
  }
  if (missing.recreate === undefined && !recreate) {
    throw new RookeryError(
      'invalid_option',
      "historyConformance(): 'start' must return 'recreate'. If it cannot, set missing: { recreate: reason }",
    )
  }
  return environment
}
