import type { Since } from '../../core/protocol/protocol.ts'
import type { LocalSubscription } from './subscription.ts'

/** The server's subscription to one pattern, and the listeners of the application on it. */
export interface ServerSubscription {
  readonly pattern: string
  readonly matches: (topic: string) => boolean
  readonly locals: Set<LocalSubscription>
  /** Whether the server has confirmed the subscription and not ended it. */
  held: boolean
  /**
   * The request under way: at most one for a pattern. `retry`: the server refused with a retryable error; the client asks
   * again later.
   */
  pending: 'subscribe' | 'unsubscribe' | 'retry' | undefined
}

/** A pattern of a request, and the subscriptions that asked for it. */
export interface RequestPart {
  readonly entry: ServerSubscription
  readonly subscriptions: readonly LocalSubscription[]
}

/** The listeners that need the subscription on the server. The other ones are local, or were refused for good. */
export const wantedOf = ({ locals }: ServerSubscription): LocalSubscription[] =>
  [...locals].filter(({ wanted }) => wanted)

export const isWanted = (entry: ServerSubscription): boolean => wantedOf(entry).length > 0

/** The listeners that the server has not been asked for in this session. */
const dueOf = (entry: ServerSubscription): LocalSubscription[] =>
  wantedOf(entry).filter(({ place }) => place === 'none')

/** The listeners that need no request, since the server has the pattern and they need no replay. */
export const joiningOf = (entry: ServerSubscription): LocalSubscription[] =>
  entry.held && entry.pending !== 'unsubscribe' ? dueOf(entry).filter(({ since }) => since === undefined) : []

/** Finds patterns to unsubscribe from. */
export const unsubscribeParts = (entries: Iterable<ServerSubscription>): RequestPart[] =>
  [...entries]
    .filter((entry) => entry.held && !entry.pending && !isWanted(entry))
    .map((entry) => ({ entry, subscriptions: [] }))

/** Finds patterns to subscribe to with the same `since`. Patterns that need no replay come first. */
export const subscribeParts = (
  entries: Iterable<ServerSubscription>,
): { parts: RequestPart[]; since: Since | undefined } => {
  const free = [...entries].filter(({ pending }) => !pending)
  const parts = free.map((entry) => ({ entry, subscriptions: dueOf(entry) }))
  const due = parts.flatMap(({ subscriptions }) => subscriptions)
  const since = due.some((one) => one.since === undefined) ? undefined : due[0]?.since
  const isSame = (other: Since | undefined) =>
    other === since || (typeof since === 'object' && JSON.stringify(other) === JSON.stringify(since))
  return {
    since,
    parts: parts.flatMap(({ entry, subscriptions }) => {
      const same = subscriptions.filter((one) => isSame(one.since))
      return same.length > 0 ? [{ entry, subscriptions: same }] : []
    }),
  }
}
