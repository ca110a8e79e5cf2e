/** A signal that aborts when an outer signal aborts, and after a time limit unless the limit is cleared. */
export interface Deadline {
  readonly signal: AbortSignal
  /** Settles as the promise does, or rejects when the signal aborts: other people's code may ignore the signal. */
  race<T>(promise: Promise<T>): Promise<T>
  /** Removes the time limit. */
  clear(): void
  /** Aborts, and removes the listener on the outer signal. */
  abort(): void
}

export const deadline = (outer: AbortSignal | undefined, milliseconds: number): Deadline => {
  const inner = new AbortController()
  const { signal } = inner
  const abort = () => inner.abort()
  const timer = setTimeout(abort, milliseconds)
  const clear = () => clearTimeout(timer)
  signal.addEventListener('abort', clear)
  outer?.addEventListener('abort', abort, { signal })
  const race = <T>(promise: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason)
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort)
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    })
  if (outer?.aborted) abort()
  return { signal, race, clear, abort }
}

/** Resolves after a time, or when the signal aborts. Never rejects. */
export const delay = (outer: AbortSignal, milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    const { signal } = deadline(outer, milliseconds)
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
