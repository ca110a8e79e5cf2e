import { describe, it } from 'vitest'
import { runCase } from './transport-case.ts'
import { cases } from './transport-cases.ts'
import { type ConformanceOptions, readOptions } from './transport-options.ts'

/** How much longer a case may take than a single promise in it. */
const PATIENCE = 6

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
  const settings = readOptions(options)
  const { name, missing, timeout, seed } = settings
  describe(`the ${name} transport (seed ${seed})`, () => {
    for (const one of cases) {
      const reason = one.capability && missing[one.capability]
      if (reason) it.skip(`${one.name} (without ${one.capability}: ${reason})`)
      else it(one.name, () => runCase(one, settings), PATIENCE * timeout)
    }
  })
}
