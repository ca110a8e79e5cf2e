import { describe, it } from 'vitest'
import { runHistoryCase } from './history-case.ts'
import { historyCases } from './history-cases.ts'
import { type HistoryConformanceOptions, readHistorySuiteOptions } from './history-options.ts'

/** Most time that a case may take, in multiples of `timeout`: a case waits for several conditions. */
const CASE_TIMEOUT_FACTOR = 4

/**
 * Declares a vitest suite that tests a history store against the contract in `core/history/store.ts`. It has one test for each
 * promise. Cases that need a missing capability are skipped, with the reason from `missing`.
 *
 * @throws `invalid_option`
 * @example
 * historyConformance({
 *   name: 'Redis',
 *   start: () => {
 *     const prefix = `test${++count}`
 *     return { create: () => new RedisStore(prefix), recreate: () => deleteStream(prefix) }
 *   },
 * })
 */
export const historyConformance = (options: HistoryConformanceOptions): void => {
  const settings = readHistorySuiteOptions(options)
  const { name, missing, timeout, seed } = settings
  describe(`the ${name} history (seed ${seed})`, () => {
    for (const testCase of historyCases) {
      const reason = testCase.capability && missing[testCase.capability]
      if (reason) it.skip(`${testCase.name} (without ${testCase.capability}: ${reason})`)
      else it(testCase.name, () => runHistoryCase(testCase, settings), CASE_TIMEOUT_FACTOR * timeout)
    }
  })
}
