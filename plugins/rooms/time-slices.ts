/**
 * Milliseconds that a task may take in one turn of the event loop. A message to a room of 2,000 takes about 0.3 ms. Each
 * turn costs one write to each member, so shorter slices would cost more writes.
 */
const SLICE_MS = 10

/** Divides long tasks into slices, so that I/O and timers get their turn. The tasks share the slices. */
export class TimeSlices {
  #end: number | undefined
  #nextTurn: Promise<void> | undefined

  /** To be called after each step of a task. Returns a promise that the task has to await if the slice is used up. */
  pause(): Promise<void> | undefined {
    const now = performance.now()
    this.#end ??= now + SLICE_MS
    if (now < this.#end) return undefined
    this.#nextTurn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#end = this.#nextTurn = undefined
        resolve()
      })
    })
    return this.#nextTurn
  }
}
