import { hasSameFields } from './store.ts'
import type { TopicSnapshot } from './topic-store.ts'

/** What a component takes of the state. */
export interface Selection {
  readonly select?: ((state: never) => unknown) | undefined
  /** @default Object.is */
  readonly isEqual?: ((one: never, other: never) => boolean) | undefined
}

type Select = (state: unknown) => unknown
type IsEqual = (one: unknown, other: unknown) => boolean

/**
 * Returns a function that selects from snapshots. It returns the last result again if the new one is equal: so the component
 * does not render again, also if `select` is another function on each render.
 */
export const createSelector = () => {
  let seen: TopicSnapshot | undefined
  let seenBy: Selection['select']
  let result: TopicSnapshot | undefined
  return (snapshot: TopicSnapshot, { select, isEqual = Object.is }: Selection): TopicSnapshot => {
    if (result && snapshot === seen && select === seenBy) return result
    const data = select ? (select as Select)(snapshot.data) : snapshot.data
    const isSame = result && (isEqual as IsEqual)(result.data, data)
    const next = isSame ? { ...snapshot, data: result?.data } : { ...snapshot, data }
    seen = snapshot
    seenBy = select
    if (!result || !hasSameFields(next, result)) result = next
    return result
  }
}
