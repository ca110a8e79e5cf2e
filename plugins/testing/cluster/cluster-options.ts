import type { App } from '../../../core/app/app.ts'
import type { Plugin } from '../../../core/app/plugin.ts'
import { RookeryError } from '../../../core/protocol/errors.ts'
import { checkOptions, option } from '../../../core/util/options.ts'

/** What cannot be tried with every backend. The cases that need it are skipped without it. */
const CAPABILITIES = {
  /** A node can be cut off from the others: `ClusterEnvironment.cut` and `heal`. */
  partition: true,
}

export type ClusterCapability = keyof typeof CAPABILITIES

/** Where the nodes of one case run. */
export interface ClusterEnvironment {
  /** Makes the cluster plugin of one more node of the same cluster. */
  plugin(): Plugin
  /**
   * Cuts a node's connection to all others, without a word. Resolves when it is cut, and a server in between knows; the nodes
   * need not have noticed.
   */
  cut?(app: App): Promise<void> | void
  /** Restores the connection of a node that was cut off. */
  heal?(app: App): Promise<void> | void
  /** Ends it, when every app has stopped. */
  stop?(): Promise<void> | void
}

export interface ClusterConformanceOptions {
  /** Name of the backend, for the report. */
  readonly name: string
  /** Makes the environment of one case. Nodes of different environments MUST NOT see each other. */
  readonly start: () => Promise<ClusterEnvironment> | ClusterEnvironment
  /** Capabilities that the environment does not have, each with the reason. @default {} */
  readonly missing?: Partial<Readonly<Record<ClusterCapability, string>>>
  /** Milliseconds that anything promised may take to come true; 10 s more for noticing that a node is gone. @default 8000 */
  readonly timeout?: number
  /** Repeats a run: the report names the seed that each has. @default a random one */
  readonly seed?: number
}

/** Options, checked and complete. */
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
    throw new RookeryError('invalid_option', "clusterConformance(): give it 'name' and 'start'")
  }
  return { name, start, missing, timeout, seed: seed ?? Math.floor(Math.random() * 2 ** 32) }
}

/** @throws `invalid_option` when an environment is not one */
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
    throw new RookeryError('invalid_option', "clusterConformance(): 'start' resolves with 'plugin' at least")
  }
  if (missing.partition === undefined && !(cut && heal)) {
    throw new RookeryError(
      'invalid_option',
      "clusterConformance(): 'start' resolves with 'cut' and 'heal'; if there is no way to it, say missing: { partition: why }",
    )
  }
  return environment
}
