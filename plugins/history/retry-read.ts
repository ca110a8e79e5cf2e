/** Milliseconds between two attempts. */
const RETRY_MS = 100

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
  for (;;) {
    try {
      return await read()
    } catch (error) {
      if (hasStopped() || performance.now() - start >= timeout) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref())
    }
  }
}
