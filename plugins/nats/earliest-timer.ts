/** A timer that may be started again while it runs: the earliest end counts. It does not keep the process running. */
export class EarliestTimer {
  readonly #onEnd: () => void
  #timer: NodeJS.Timeout | undefined
  /** When the timer ends, as of `performance.now()`. */
  #end = Number.POSITIVE_INFINITY

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  /** @param delay milliseconds */
  start(delay: number): void {
    const end = performance.now() + delay
    if (end >= this.#end) return
    clearTimeout(this.#timer)
    this.#end = end
    this.#timer = setTimeout(() => {
      this.#end = Number.POSITIVE_INFINITY
      this.#onEnd()
    }, delay).unref()
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#end = Number.POSITIVE_INFINITY
  }
}
