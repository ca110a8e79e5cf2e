/** Most ticks that the loop makes up for at once. After a longer pause, the game goes on from the present. */
const MAX_CATCH_UP_TICKS = 5

/**
 * Calls `step` at a fixed rate. A timer that fires late does not slow the game down: each tick is due one interval after the
 * last one was due, not after the last one ran.
 *
 * @param hertz calls for each second
 * @returns a function that stops the loop
 */
export const startLoop = (hertz: number, step: () => void): (() => void) => {
  const interval = 1000 / hertz
  let next = performance.now() + interval
  let timer: ReturnType<typeof setTimeout>
  const run = (): void => {
    const now = performance.now()
    next = Math.max(next, now - MAX_CATCH_UP_TICKS * interval)
    for (; next <= now; next += interval) step()
    timer = setTimeout(run, next - performance.now())
  }
  timer = setTimeout(run, interval)
  return () => clearTimeout(timer)
}
