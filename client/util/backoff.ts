/** Bounds of the wait between two attempts, in milliseconds. */
export interface BackoffBounds {
  readonly min: number
  readonly max: number
}

/**
 * How long to wait after a number of failures in a row: uniform in `[0, min(max, min * 2^failures))`, so
 * that clients which lost a server together do not come back together.
 *
 * "Full jitter" of Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * @param random uniform in [0, 1)
 */
export const backoff = (failures: number, { min, max }: BackoffBounds, random = Math.random): number =>
  random() * Math.min(max, min * 2 ** failures)
