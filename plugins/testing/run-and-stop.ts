/** Runs a case, then stops what the case has started, then its environment. Stops both whatever fails. */
export const runAndStop = async (
  run: () => Promise<void>,
  context: { stop(): Promise<void> },
  environment: { stop?(): Promise<void> | void },
): Promise<void> => {
  try {
    await run()
  } finally {
    try {
      await context.stop()
    } finally {
      await environment.stop?.()
    }
  }
}
