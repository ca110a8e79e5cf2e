import type { App } from './app.ts'

/**
 * Stops an app when the process is told to end. The second signal of a kind ends the process as it would
 * without this. Returns how to take it back.
 *
 * @param signals `['SIGINT', 'SIGTERM']` by default
 * @example stopOnSignals(await app.start())
 */
export const stopOnSignals = (
  app: Pick<App, 'stop'>,
  signals: readonly string[] = ['SIGINT', 'SIGTERM'],
): (() => void) => {
  const remove = () => {
    for (const signal of signals) process.removeListener(signal, stop)
  }
  const stop = () => {
    remove()
    void app.stop()
  }
  for (const signal of signals) process.once(signal, stop)
  return remove
}
