import type { App } from './app.ts'

/**
 * Stops an app when the process gets a signal. A second signal ends the process as usual. Returns a function that
 * removes the signal handlers.
 *
 * @param signals @default ['SIGINT', 'SIGTERM']
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
