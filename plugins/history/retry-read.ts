import { delay } from '../../core/util/delay.ts'

/** Milliseconds between two attempts. */
const RETRY_MS = 100

/**
 * Reads from the store, again and again while that fails.
 *
 * @param timeout milliseconds after which an error of the store is passed on
 * @param signal ends the attempts
 */
export const retryRead = async <T>(
  read: () => Promise<T>,
  timeout: number,
  signal: AbortSignal,
): Promise<T> => {
  const start = performance.now()
  for (;;) {
    try {
      return await read()
    } catch (error) {
      if (signal.aborted || performance.now() - start >= timeout) throw error
      await delay(RETRY_MS, signal)
    }
  }
}
