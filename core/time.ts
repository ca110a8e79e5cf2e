/**
 * Waits for a promise, at most so many milliseconds; the promise itself goes on. A later rejection of it is
 * not left unhandled.
 */
export const within = async <T>(limit: number, promise: Promise<T>, timeout: () => Error): Promise<T> => {
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
