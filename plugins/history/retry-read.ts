/** Milliseconds until the second attempt. The wait doubles with each further one, up to a second. */
const MIN_WAIT_MS = 50
const MAX_WAIT_MS = 1_000

/**
 * Reads from the store, again and again while that fails.
 *
 * @param timeout milliseconds after which an error of the store is passed on
 * @param hasStopped ends the attempts
 */
export const retryRead = async <T>(
  read: () => Promise<T>,
  timeout: number,
  hasStopped: () => boolean,
): Promise<T> => {
  const start = performance.now()
  for (let wait = MIN_WAIT_MS; ; wait = Math.min(2 * wait, MAX_WAIT_MS)) {
    try {
      return await read()
    } catch (error) {
      if (hasStopped() || performance.now() - start >= timeout) throw error
      await new Promise((resolve) => setTimeout(resolve, wait).unref())
    }
  }
}
