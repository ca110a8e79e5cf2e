/** A signal that aborts when an outer signal aborts, and after a time limit unless the limit is cleared. */
export interface Deadline {
  readonly signal: AbortSignal
  /** Removes the time limit. */
  clear(): void
  /** Aborts, and removes the listener on the outer signal. */
  abort(): void
}

export const deadline = (outer: AbortSignal, milliseconds: number): Deadline => {
  const inner = new AbortController()
  const { signal } = inner
  const abort = () => inner.abort()
  const timer = setTimeout(abort, milliseconds)
  const clear = () => clearTimeout(timer)
  signal.addEventListener('abort', clear)
  outer.addEventListener('abort', abort, { signal })
  if (outer.aborted) abort()
  return { signal, clear, abort }
}

/** Resolves after a time, or when the signal aborts. Never rejects. */
export const delay = (outer: AbortSignal, milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    const { signal } = deadline(outer, milliseconds)
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
