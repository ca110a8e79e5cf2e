import { addressOf, INBOX } from '../cluster/target.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Session } from './session.ts'
import type { SubscribeResult } from './subscribe-reply.ts'

/**
 * Subscribes to patterns of which one may be the inbox of the user. The server has subscribed the session to it already, so that is
 * only a name for its replay.
 *
 * @param subscribe subscribes to the other patterns
 */
export const withInbox = (
  session: Session,
  patterns: readonly string[],
  subscribe: (others: readonly string[]) => SubscribeResult | Promise<SubscribeResult>,
): SubscribeResult | Promise<SubscribeResult> => {
  if (!patterns.includes(INBOX)) return subscribe(patterns)
  const add = ({ topics, refused }: SubscribeResult): SubscribeResult => {
    const address = inboxOf(session)
    return address !== undefined && session.subscriptions.includes(address)
      ? { topics: [...topics, INBOX], refused }
      : { topics, refused: [...refused, { topic: INBOX, error: new RookeryError('reserved_topic') }] }
  }
  const result = subscribe(patterns.filter((pattern) => pattern !== INBOX))
  return result instanceof Promise ? result.then(add) : add(result)
}

/** The topic of what is kept for the user of a session. */
const inboxOf = ({ user }: Session): string | undefined => (user ? addressOf({ user: user.id }) : undefined)

/** Patterns as the history knows them: the inbox is the address of the user. */
export const withoutInboxName = (session: Session, patterns: readonly string[]): readonly string[] =>
  patterns.includes(INBOX)
    ? patterns.map((pattern) => (pattern === INBOX ? (inboxOf(session) ?? pattern) : pattern))
    : patterns
