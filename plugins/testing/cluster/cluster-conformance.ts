import { describe, it } from 'vitest'
import { ABSENCE_DETECTION_MS, runClusterCase } from './cluster-case.ts'
import { clusterCases } from './cluster-cases.ts'
import { type ClusterConformanceOptions, readClusterOptions } from './cluster-options.ts'

/** Most time that a case may take, in multiples of `timeout`: a case waits for several conditions. */
const CASE_TIMEOUT_FACTOR = 6

/**
 * Declares a vitest suite that tests a cluster backend against the contract in `core/cluster/cluster.ts`. It has one test
 * for each promise. Cases that need a missing capability are skipped, with the reason from `missing`.
 *
 * @throws `invalid_option`
 * @example
 * clusterConformance({
 *   name: 'memory',
 *   start: () => {
 *     const cluster = new MemoryCluster()
 *     return {
 *       plugin: () => cluster.plugin(),
 *       cut: (app) => cluster.cut(app.cluster.node),
 *       heal: (app) => cluster.heal(app.cluster.node),
 *     }
 *   },
 * })
 */
export const clusterConformance = (options: ClusterConformanceOptions): void => {
  const settings = readClusterOptions(options)
  const { name, missing, timeout, seed } = settings
  describe(`the ${name} cluster (seed ${seed})`, () => {
    for (const testCase of clusterCases) {
      const reason = testCase.capability && missing[testCase.capability]
      if (reason) it.skip(`${testCase.name} (without ${testCase.capability}: ${reason})`)
      else
        it(
          testCase.name,
          () => runClusterCase(testCase, settings),
          CASE_TIMEOUT_FACTOR * timeout + 3 * ABSENCE_DETECTION_MS,
        )
    }
  })
}
