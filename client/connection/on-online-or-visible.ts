/**
 * Calls the listener when the network comes back and when a hidden page is looked at again: moments when
 * an attempt is likely to succeed and somebody waits for it. Where neither exists (Node), never.
 *
 * @returns a function that removes the listeners
 */
export const onWake = (listener: () => void): (() => void) => {
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
