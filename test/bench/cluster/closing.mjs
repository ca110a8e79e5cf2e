/**
 * Runs something and then stops all that it has called its own, last first, whether it succeeds or not.
 *
 * @template R
 * @param {(own: <T extends { stop: () => Promise<unknown> }>(one: T) => T) => Promise<R>} run
 */
export const closing = async (run) => {
  /** @type {{ stop: () => Promise<unknown> }[]} */
  const all = []
  try {
    return await run((one) => {
      all.push(one)
      return one
    })
  } finally {
    for (const one of all.reverse()) await one.stop()
  }
}
