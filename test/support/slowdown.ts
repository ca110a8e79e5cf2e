/** Milliseconds of CPU time that a measurement takes. */
const SAMPLE_MS = 50

/**
 * How much longer work takes on this machine now than on an idle core: the elapsed time of a busy loop, divided by its CPU
 * time. At least 1.
 *
 * Multiply a bound on time with it, so that the bound is a ratio that also holds on a busy machine. The part above 1 counts
 * twice, since the processes of a test wait for each other, each for its own share of the CPU.
 */
export const slowdown = (): number => {
  const began = performance.now()
  const before = process.cpuUsage()
  let used = 0
  while (used < SAMPLE_MS) {
    const { user, system } = process.cpuUsage(before)
    used = (user + system) / 1000
  }
  const ratio = (performance.now() - began) / used
  return Math.max(1, 2 * ratio - 1)
}
