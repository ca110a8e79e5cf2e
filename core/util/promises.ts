/** Whether a value has to be awaited. Promises may come from another realm or library, so a `then` method decides. */
export const isPromiseLike = <T = unknown>(value: unknown): value is PromiseLike<T> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

/**
 * Waits for a promise for a limited time. The promise itself goes on, and a later rejection is handled.
 *
 * @param limit milliseconds; `Infinity` waits without a limit
 * @param timeout creates the error of a promise that has not settled in time
 */
export const within = async <T>(limit: number, promise: Promise<T>, timeout: () => Error): Promise<T> => {
  if (limit === Number.POSITIVE_INFINITY) return promise
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(timeout()), limit)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
