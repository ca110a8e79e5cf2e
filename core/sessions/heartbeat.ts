interface Intervals {
  /** Milliseconds between two pings. */
  readonly pingInterval: number
  /** Milliseconds from a ping to the peer's next sign of life. */
  readonly pingTimeout: number
}

/** Pings a peer and calls `dead` when it stops answering. Every sign of life counts as an answer. */
export class Heartbeat {
  readonly #intervals: Intervals
  readonly #ping: () => void
  readonly #dead: () => void
  #seen = 0
  #started = false
  #timer: NodeJS.Timeout | undefined

  constructor(intervals: Intervals, ping: () => void, dead: () => void) {
    this.#intervals = intervals
    this.#ping = ping
    this.#dead = dead
  }

  start(): void {
    this.#started = true
    this.#timer = setTimeout(this.#beat, this.#intervals.pingInterval)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Notes a sign of life. Starts again after `stop`. */
  alive(): void {
    this.#seen = performance.now()
    if (this.#started && !this.#timer) this.start()
  }

  readonly #beat = (): void => {
    const { pingInterval, pingTimeout } = this.#intervals
    const pinged = performance.now()
    this.#ping()
    this.#timer = setTimeout(() => {
      if (this.#seen < pinged) this.#dead()
      else this.#timer = setTimeout(this.#beat, Math.max(0, pinged + pingInterval - performance.now()))
    }, pingTimeout)
  }
}
