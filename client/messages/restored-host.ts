import type { RookeryError } from '../../core/protocol/errors.ts'

/** The client, as its subscriptions and rooms see it. */
export interface RestoredHost {
  /** Returns a new id for a request to the server. */
  nextId(): number
  /** There may be something to send. */
  due(): void
  /** The server has refused or ended a subscription or a room, and nobody observes it. */
  refused(error: RookeryError): void
}
