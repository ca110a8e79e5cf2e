/** Periods in which a fault may cost messages. Times are in milliseconds, as of `Date.now()`. */
export class Windows {
  readonly #windows: { readonly from: number; to: number }[] = []

  /** Opens a period. Call the result to end it. */
  open(from = Date.now()): (to?: number) => void {
    const window = { from, to: Number.POSITIVE_INFINITY }
    this.#windows.push(window)
    return (to = Date.now()) => {
      window.to = to
    }
  }

  /** Whether a period overlaps the time between two moments. */
  touch(from: number, to: number): boolean {
    return this.#windows.some((window) => window.from <= to && window.to >= from)
  }
}
