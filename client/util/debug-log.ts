/** Logs what happens in a client: words, and frames without their secrets. */
export type DebugLog = (...what: readonly unknown[]) => void

/** Fields that give access to a session or a user, in frames and in payloads. */
const SECRETS = ['token', 'secret', 'session']

const withoutSecrets = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, field) => (SECRETS.includes(key) ? '…' : field)))

/** @param enabled undefined: whether `localStorage.rookery` is 'debug' */
export const debugLog = (enabled: boolean | undefined): DebugLog => {
  if (!(enabled ?? isStored())) return () => {}
  return (...what) => console.debug('rookery', ...what.map(withoutSecrets))
}

/** Tells a developer about a fault that nothing else reports. */
export const warn = (message: string): void => console.warn(`Rookery: ${message}`)

const isStored = (): boolean => {
  try {
    return globalThis.document !== undefined && localStorage.getItem('rookery') === 'debug'
  } catch {
    // The page may not use storage.
    return false
  }
}
