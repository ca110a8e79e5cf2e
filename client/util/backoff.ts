/** Bounds of the wait between two attempts, in milliseconds. */
export interface BackoffBounds {
  /** Upper bound of the wait after the first failure. It doubles with each further failure, up to `max`. */
  readonly min: number
  /** Upper bound of every wait. */
  readonly max: number
}

/**
 * Returns how many milliseconds to wait after a number of failures in a row: uniform in
 * `[0, min(max, min * 2^failures))`. The random part spreads the reconnects of clients that lost a server at the
 * same moment.
 *
 * "Full jitter" of Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * @param random uniform in [0, 1)
 */
export const backoff = (failures: number, { min, max }: BackoffBounds, random = Math.random): number =>
  random() * Math.min(max, min * 2 ** failures)
