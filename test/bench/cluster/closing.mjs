/**
 * Runs a function, then stops all resources that it has registered, last first, whether it succeeds or not.
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
