// The test may replace `setImmediate` of `globalThis` by a fake one.
const { setImmediate } = globalThis

/** Turns of the event loop. A call, a handler that does not wait, its messages and its reply take fewer than five. */
const TURNS = 20

/** Shorter than any timeout that waits for a message, such as that of a handshake. */
const STEP_MS = 100

/**
 * Lets what is under way between clients and apps of this process arrive: 20 turns of the event loop. Handlers that wait
 * for promises alone finish, too. Does not wait for timers nor for input and output.
 *
 * @example
 * client.send('typing/start', { room: '42' })
 * await settle()
 * assert.equal(typing.size, 1)
 */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/**
 * Moves the fake timers of your test runner forward, in steps of 100 ms, with `settle()` before and after each step.
 * Messages take turns of the real event loop: in one large step, a timeout would fire before the message that it waits for.
 *
 * The runner must not replace `setImmediate`, `queueMicrotask` and `process.nextTick`.
 *
 * @param ms milliseconds
 * @param tick moves the fake timers by a number of milliseconds
 * @example await advance(30_000, (ms) => vi.advanceTimersByTimeAsync(ms))
 * @example await advance(30_000, (ms) => mock.timers.tick(ms))
 */
export const advance = async (ms: number, tick: (ms: number) => unknown): Promise<void> => {
  await settle()
  for (let left = ms; left > 0; left -= STEP_MS) {
    await tick(Math.min(STEP_MS, left))
    await settle()
  }
}
