/** A signal that aborts with another one, and after a time unless that is lifted. */
export interface Deadline {
  readonly signal: AbortSignal
  /** Takes the time limit back. */
  lift(): void
  /** Aborts, and lets go of the other signal. */
  end(): void
}

export const deadline = (outer: AbortSignal, milliseconds: number): Deadline => {
  const inner = new AbortController()
  const { signal } = inner
  const end = () => inner.abort()
  const timer = setTimeout(end, milliseconds)
  const lift = () => clearTimeout(timer)
  signal.addEventListener('abort', lift)
  outer.addEventListener('abort', end, { signal })
  if (outer.aborted) end()
  return { signal, lift, end }
}

/** Resolves after a time, or when the signal aborts. */
export const pause = (outer: AbortSignal, milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    const { signal } = deadline(outer, milliseconds)
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
