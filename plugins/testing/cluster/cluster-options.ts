import type { App } from '../../../core/app/app.ts'
import type { Plugin } from '../../../core/app/plugin.ts'
import { RookeryError } from '../../../core/protocol/errors.ts'
import { checkOptions, option } from '../../../core/util/options.ts'

/** Capabilities that some environments do not have. Cases that need a missing one are skipped. */
const CAPABILITIES = {
  /** The environment can cut a node off from the others: `ClusterEnvironment.cut` and `heal`. */
  partition: true,
}

export type ClusterCapability = keyof typeof CAPABILITIES

/** The cluster that the nodes of one case belong to. */
export interface ClusterEnvironment {
  /** Creates the cluster plugin of another node of the same cluster. */
  plugin(): Plugin
  /**
   * Cuts the connection of a node to all others, without a closing handshake. Resolves when the connection is cut and a
   * server in between knows it. The nodes need not have noticed.
   */
  cut?(app: App): Promise<void> | void
  /** Restores the connection of a node. */
  heal?(app: App): Promise<void> | void
  /** Ends the environment. Called when all apps have stopped. */
  stop?(): Promise<void> | void
}

export interface ClusterConformanceOptions {
  /** Name of the backend in the report. */
  readonly name: string
  /** Creates the environment of one case. Nodes of different environments MUST NOT see each other. */
  readonly start: () => Promise<ClusterEnvironment> | ClusterEnvironment
  /** Capabilities that the environment does not have, each with the reason. @default {} */
  readonly missing?: Partial<Readonly<Record<ClusterCapability, string>>>
  /** Milliseconds to wait for any one condition; 10 s more to notice that a node is gone. @default 8000 */
  readonly timeout?: number
  /** Seed of the random choices. Set it to the seed in the report of a run to repeat that run. @default random */
  readonly seed?: number
}

/** The options, checked, with defaults filled in. */
export type ClusterSettings = Required<ClusterConformanceOptions>

/** @throws `invalid_option` */
export const readClusterOptions = (options: ClusterConformanceOptions): ClusterSettings => {
  checkOptions('clusterConformance()', options, {
    name: option.string,
    start: option.function,
    missing: option.object,
    timeout: option.integer(1),
    seed: option.integer(0, 2 ** 32 - 1),
  })
  const { name, start, missing = {}, timeout = 8000, seed } = options
  const reasons = Object.fromEntries(Object.keys(CAPABILITIES).map((key) => [key, option.string]))
  checkOptions('clusterConformance() missing', missing, reasons)
  if (name === undefined || start === undefined) {
    throw new RookeryError('invalid_option', "clusterConformance(): 'name' and 'start' are required")
  }
  return { name, start, missing, timeout, seed: seed ?? Math.floor(Math.random() * 2 ** 32) }
}

/** @throws `invalid_option` if the result of `start` is not a complete environment */
export const checkEnvironment = (
  environment: ClusterEnvironment,
  { missing }: ClusterSettings,
): ClusterEnvironment => {
  checkOptions('clusterConformance() start', environment, {
    plugin: option.function,
    cut: option.function,
    heal: option.function,
    stop: option.function,
  })
  const { plugin, cut, heal } = environment
  if (plugin === undefined) {
    throw new RookeryError(
      'invalid_option',
      "clusterConformance(): 'start' must return an environment with 'plugin'",
    )
  }
  if (missing.partition === undefined && !(cut && heal)) {
    throw new RookeryError(
      'invalid_option',
      "clusterConformance(): 'start' must return 'cut' and 'heal'. If it cannot, set missing: { partition: reason }",
    )
  }
  return environment
}
