/**
 * Waits for a promise, at most so many milliseconds; the promise itself goes on. A later rejection of it is
 * not left unhandled.
 *
 * @param limit milliseconds; `Infinity` for as long as it takes
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
