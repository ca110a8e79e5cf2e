import { vi } from 'vitest'

/** Milliseconds that `vi.waitFor` waits by default. Vitest's own second is too short while other processes keep the CPU busy. */
const WAIT_FOR_LIMIT_MS = 20_000

const { waitFor } = vi

vi.waitFor = (callback, options) => {
  const chosen = typeof options === 'number' ? { timeout: options } : options
  return waitFor(callback, { timeout: WAIT_FOR_LIMIT_MS, ...chosen })
}
