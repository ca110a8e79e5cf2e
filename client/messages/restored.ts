import type { Rooms } from './rooms.ts'
import type { Subscriptions } from './subscriptions.ts'

/** What the client restores on a new connection. */
export interface Restored {
  readonly subscriptions: Subscriptions
  readonly rooms: Rooms
}
