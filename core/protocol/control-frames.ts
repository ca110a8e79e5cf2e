import type { Session } from '../sessions/live-session.ts'
import type { Limits } from '../sessions/session-host.ts'
import { RookeryError } from './errors.ts'
import { Frame } from './frame.ts'
import { PROTOCOL_VERSION } from './protocol.ts'

/** Longest wait that the server asks of a client, in ms: reconnects spread evenly up to here. */
const RECONNECT_SPREAD = 5000

/** The last frame of a session: the error, and when to come back if that makes sense. */
export const closeFrame = (error: RookeryError): Frame =>
  new Frame({
    type: 'close',
    error: error.toJSON(),
    reconnectAfter: error.retryable ? Math.round(Math.random() * RECONNECT_SPREAD) : null,
  })

export const PING = new Frame({ type: 'ping' })

/** The first frame of a session. */
export const welcomeFrame = ({ id, user }: Session, { pingInterval, maxPayload }: Limits): Frame =>
  new Frame({ type: 'welcome', protocol: PROTOCOL_VERSION, session: id, user, pingInterval, maxPayload })

/** Says that subscriptions have been taken away. */
export const unsubscribedFrame = (topics: readonly string[]): Frame => {
  const error = new RookeryError('forbidden', 'This is no longer allowed')
  return new Frame({ type: 'unsubscribed', topics, error: error.toJSON() })
}
