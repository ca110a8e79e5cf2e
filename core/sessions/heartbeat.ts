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
  /** Time of the first ping since the last sign of life. */
  #unanswered = 0
  #nextPing = 0
  /** Whether the peer answers pings. Other peers get pings only for the position in the history. */
  #answers = true
  #started = false
  #timer: NodeJS.Timeout | undefined

  constructor(intervals: Intervals, ping: () => void, dead: () => void) {
    this.#intervals = intervals
    this.#ping = ping
    this.#dead = dead
  }

  /** @param answers whether the peer answers pings, and counts as dead if it does not */
  start(answers = this.#answers): void {
    this.#started = true
    this.#answers = answers
    this.#nextPing = performance.now() + this.#intervals.pingInterval
    this.#wakeAt(this.#nextPing)
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
    const now = performance.now()
    const isAnswered = !this.#answers || this.#seen >= this.#unanswered
    if (!isAnswered && now >= this.#unanswered + pingTimeout) {
      this.#dead()
      return
    }
    const isDue = now >= this.#nextPing
    if (isDue) {
      if (isAnswered) this.#unanswered = now
      this.#nextPing = now + pingInterval
    }
    const deadline = this.#unanswered + pingTimeout
    this.#wakeAt(deadline > now ? Math.min(deadline, this.#nextPing) : this.#nextPing)
    // Last, since a ping may end the session, which stops the timer.
    if (isDue) this.#ping()
  }

  #wakeAt(time: number): void {
    // A timer rounds its delay down.
    this.#timer = setTimeout(this.#beat, Math.ceil(time - performance.now()))
  }
}
