/** Ends a node that a test has started: in order on SIGTERM, and at once when the process of the test has ended. */
export const stopWithParent = (stop: () => Promise<void>): void => {
  process.once('SIGTERM', () => {
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
  // Standard input ends when the parent process has ended for any reason.
  process.stdin.on('end', () => process.exit(2)).resume()
}
