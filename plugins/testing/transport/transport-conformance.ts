import { describe, it } from 'vitest'
import { runTransportCase } from './transport-case.ts'
import { transportCases } from './transport-cases.ts'
import { type ConformanceOptions, readTransportOptions } from './transport-options.ts'

/** How much longer a case may take than a single promise in it. */
const CASE_TIMEOUT_FACTOR = 6

/**
 * Declares a vitest suite that holds a transport against the contract in `core/sessions/transport.ts`: one test for each
 * promise. What the transport cannot do is skipped, with the reason that it gives.
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
