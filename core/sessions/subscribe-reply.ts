import type { RookeryError } from '../protocol/errors.ts'
import type { SubscribeReply } from '../protocol/protocol.ts'
import type { PeerSession } from './session.ts'

/** What a session answers to a client that subscribes to patterns. */
export interface SubscribeResult {
  /** The patterns to which the session subscribes now. */
  readonly topics: readonly string[]
  /** The refused patterns. The errors are as they were thrown. */
  readonly refused: readonly { readonly topic: string; readonly error: unknown }[]
}

interface SubscribeReplyHost {
  /** Counts a refusal. */
  count(error: RookeryError): void
  /** Returns the part of an error that a client may see, and logs the rest. */
  expose(error: unknown, session: PeerSession, topic: string): RookeryError
}

/** Returns the reply to `subscribe`. @throws the error of the pattern if it is the only one */
export const subscribeReply = (
  patterns: readonly string[],
  { topics, refused }: SubscribeResult,
  session: PeerSession,
  host: SubscribeReplyHost,
): SubscribeReply => {
  if (refused.length === 0) return { topics }
  if (patterns.length === 1) throw refused[0]?.error
  const toClient = refused.map(({ topic, error }) => {
    const exposed = host.expose(error, session, 'subscribe')
    host.count(exposed)
    return { topic, error: exposed.toJSON() }
  })
  return { topics, refused: toClient }
}
