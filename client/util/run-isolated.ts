/**
 * Reports an error of an application's listener without throwing it into the client's own code.
 *
 * In a browser, `reportError` shows the error on the console and passes it to `window.onerror`. Node has no
 * `reportError`: there the error becomes an `uncaughtException`, as in a listener of Node's own `EventTarget`. An
 * `uncaughtException` without a handler ends the process. By then the client has called all other listeners; if the
 * process goes on, so does the client.
 */
const report = (error: unknown): void => {
  if (typeof globalThis.reportError === 'function') {
    globalThis.reportError(error)
  } else {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** Runs a listener of the application. Reports the error if the listener throws or its promise rejects. */
export const runIsolated = (listener: () => unknown): void => {
  try {
    const result = listener()
    if (result instanceof Promise) result.catch(report)
  } catch (error) {
    report(error)
  }
}
