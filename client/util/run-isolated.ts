/**
 * Reports what a listener of the application threw, without hurting whoever called it.
 *
 * A browser shows it on the console and to `window.onerror`. Node has no `reportError`: there it becomes an
 * `uncaughtException`, as from a listener of Node's own `EventTarget`, and ends a process that does not
 * handle those. By then all other listeners have been called, and the client goes on if the process does.
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

/** Runs a listener of the application; what it throws or rejects with is reported. */
export const runIsolated = (listener: () => unknown): void => {
  try {
    const result = listener()
    if (result instanceof Promise) result.catch(report)
  } catch (error) {
    report(error)
  }
}
