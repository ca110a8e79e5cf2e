import type { MessageFrame } from '../../core/protocol/protocol.ts'
import type { LocalSubscription } from './subscription.ts'

/** The server's subscription to one pattern, and the listeners of the application on it. */
export interface ServerSubscription {
  readonly pattern: string
  readonly matches: (topic: string) => boolean
  readonly locals: Set<LocalSubscription>
  /**
   * At most one request for a pattern is under way.
   *
   * - `held`: the server has confirmed the subscription and not ended it
   * - `retrying`: the server refused with a retryable error; the client asks again later
   */
  state: 'none' | 'subscribing' | 'held' | 'unsubscribing' | 'retrying'
}

/** The listeners that need the subscription on the server. The other ones are local, or were refused for good. */
export const wantedOf = ({ locals }: ServerSubscription): LocalSubscription[] =>
  [...locals].filter(({ wanted }) => wanted)

export const isWanted = (entry: ServerSubscription): boolean => wantedOf(entry).length > 0

/** The subscriptions that match one of the topics of a message, each once. */
export const receiversOf = (
  message: MessageFrame,
  entries: Iterable<ServerSubscription>,
): ReadonlySet<LocalSubscription> => {
  const receivers = new Set<LocalSubscription>()
  const topics = [message.topic, ...(message.topics ?? [])]
  for (const { matches, locals } of entries) {
    if (topics.some(matches)) for (const subscription of locals) receivers.add(subscription)
  }
  return receivers
}
