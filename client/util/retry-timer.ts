import { type BackoffBounds, backoff } from './backoff.ts'

/** Calls a function after a random wait that grows with each call in a row. */
export class RetryTimer {
  readonly #bounds: BackoffBounds
  readonly #retry: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0

  constructor(bounds: BackoffBounds, retry: () => void) {
    this.#bounds = bounds
    this.#retry = retry
  }

  /** Begins a wait, unless one is under way. */
  start(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        this.#retry()
      },
      backoff(this.#failures++, this.#bounds),
    )
  }

  /** The next wait is a short one again. */
  succeeded(): void {
    this.#failures = 0
  }

  /** Ends the wait. The next one is short. */
  reset(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#failures = 0
  }
}
