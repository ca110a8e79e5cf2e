/** Measures the ticks that a client gets. */
export interface TickReport {
  readonly received: number
  /** Ticks between the first and the last one that did not come. */
  readonly missing: number
  /** Ticks that were not later than the one before. */
  readonly outOfOrder: number
  readonly perSecond: number
  /** Standard deviation of the time between two frames, in milliseconds. */
  readonly jitterMs: number
}

/** Counts ticks, and the times between them. */
export class TickMeter {
  #received = 0
  #outOfOrder = 0
  #first = 0
  #last = 0
  #firstAt = 0
  #lastAt = 0
  #sumOfSquares = 0

  /** @param at when the frame came, in milliseconds */
  count(tick: number, at: number): void {
    if (this.#received === 0) {
      this.#first = tick
      this.#firstAt = at
    } else {
      this.#sumOfSquares += (at - this.#lastAt) ** 2
      if (tick <= this.#last) this.#outOfOrder += 1
    }
    this.#received += 1
    this.#last = Math.max(this.#last, tick)
    this.#lastAt = at
  }

  report(): TickReport {
    const gaps = Math.max(1, this.#received - 1)
    const mean = (this.#lastAt - this.#firstAt) / gaps
    return {
      received: this.#received,
      missing: this.#received === 0 ? 0 : this.#last - this.#first + 1 - (this.#received - this.#outOfOrder),
      outOfOrder: this.#outOfOrder,
      perSecond: mean === 0 ? 0 : 1000 / mean,
      jitterMs: Math.sqrt(Math.max(0, this.#sumOfSquares / gaps - mean ** 2)),
    }
  }
}
