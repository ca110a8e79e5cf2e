/**
 * Calls the listener when the browser is online again and when a hidden page becomes visible. At these moments an
 * attempt is likely to succeed, and a user waits for it. In Node, which has neither event, it is never called.
 *
 * @returns a function that removes the listeners
 */
export const onOnlineOrVisible = (listener: () => void): (() => void) => {
  const { document } = globalThis
  const onVisibility = () => {
    if (document.visibilityState === 'visible') listener()
  }
  globalThis.addEventListener?.('online', listener)
  document?.addEventListener('visibilitychange', onVisibility)
  return () => {
    globalThis.removeEventListener?.('online', listener)
    document?.removeEventListener('visibilitychange', onVisibility)
  }
}
