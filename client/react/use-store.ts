import { useState, useSyncExternalStore } from 'react'
import { hasSameFields, type Store } from '../store/store.ts'

/**
 * Creates a value once, and again when a dependency changes. React may forget the result of `useMemo`, and Fast Refresh
 * does; it keeps this one.
 */
export const useStable = <T>(create: () => T, ...deps: readonly unknown[]): T => {
  const [held, hold] = useState(() => ({ value: create(), deps }))
  if (hasSameFields(deps, held.deps)) return held.value
  const next = { value: create(), deps }
  // React renders the component again, with this state, before it goes on.
  hold(next)
  return next.value
}

/** Returns the snapshot of a store, and renders again when it changes. */
export const useSnapshot = <Snapshot extends object>(store: Store<Snapshot>): Snapshot =>
  useSyncExternalStore(store.subscribe, store.get, () => store.initial)
