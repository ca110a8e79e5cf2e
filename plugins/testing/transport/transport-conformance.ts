import { describe, it } from 'vitest'
import { runTransportCase } from './transport-case.ts'
import { transportCases } from './transport-cases.ts'
import { type ConformanceOptions, readTransportOptions } from './transport-options.ts'

/** Most time that a case may take, in multiples of `timeout`: a case waits for several conditions. */
const CASE_TIMEOUT_FACTOR = 6

/**
 * Declares a vitest suite that tests a transport against the contract in `core/sessions/transport.ts`. It has one test
 * for each promise. Cases that need a missing capability are skipped, with the reason from `missing`.
 *
 * @throws `invalid_option`
 * @example
 * transportConformance({
 *   name: 'lines',
 *   plugin: () => lines({ port: 0 }),
 *   connect: (app, { params, token }) => LinePeer.connect(app.scope.get(LineServer).port, params, token),
 * })
 */
export const transportConformance = (options: ConformanceOptions): void => {
  const settings = readTransportOptions(options)
  const { name, missing, timeout, seed } = settings
  describe(`the ${name} transport (seed ${seed})`, () => {
    for (const testCase of transportCases) {
      const reason = testCase.capability && missing[testCase.capability]
      if (reason) it.skip(`${testCase.name} (without ${testCase.capability}: ${reason})`)
      else it(testCase.name, () => runTransportCase(testCase, settings), CASE_TIMEOUT_FACTOR * timeout)
    }
  })
}
