import { setTimeout as delay } from 'node:timers/promises'

/** Milliseconds between two looks. */
const INTERVAL_MS = 50

/** Looks again and again until there are no problems. Returns the problems that are left after `timeout` milliseconds. */
export const untilNone = async (
  look: () => readonly string[] | Promise<readonly string[]>,
  timeout: number,
): Promise<readonly string[]> => {
  const end = Date.now() + timeout
  for (;;) {
    const problems = await look()
    if (problems.length === 0 || Date.now() > end) return problems
    await delay(INTERVAL_MS)
  }
}
