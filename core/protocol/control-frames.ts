import { codedError } from './coded-error.ts'
import { RookeryError } from './errors.ts'
import { Frame } from './frame.ts'
import { PROTOCOL_VERSION, type ReplayedFrame, type WelcomeFrame } from './protocol.ts'

/** The longest delay, in milliseconds, that the server asks of a client. Reconnects spread evenly from 0 to this. */
const RECONNECT_SPREAD_MS = 5000

/** The last frame of a session: the error, and after how many milliseconds to reconnect, if that makes sense. */
export const closeFrame = (error: RookeryError): Frame =>
  new Frame({
    type: 'close',
    error: (codedError(error) ?? error).toJSON(),
    reconnectAfter: reconnectAfter(error),
  })

/** Milliseconds after which a client reconnects whose session ends with an error; null if it must not. */
export const reconnectAfter = (error: RookeryError): number | null => {
  const delay = error.reconnectAfter
  if (delay === null || (typeof delay === 'number' && delay >= 0 && delay < Number.POSITIVE_INFINITY))
    return delay
  return error.retryable ? Math.round(Math.random() * RECONNECT_SPREAD_MS) : null
}

/** Shared by all sessions: a ping without a position holds nothing that differs between them. */
export const PING = new Frame({ type: 'ping' })

/** A ping with the position of the sessions of this node. */
export const pingFrame = (cursor: string, seq: number): Frame => new Frame({ type: 'ping', cursor }, seq)

/** Ends a replay at a position. */
export const replayedFrame = (fields: Omit<ReplayedFrame, 'type'>, seq: number): Frame =>
  new Frame({ type: 'replayed', ...fields }, seq)

/** The first frame of a session. */
export const welcomeFrame = (fields: Omit<WelcomeFrame, 'type' | 'protocol'>): Frame =>
  new Frame({ type: 'welcome', protocol: PROTOCOL_VERSION, ...fields })

/** Tells that the server has removed subscriptions which are no longer allowed. */
export const unsubscribedFrame = (topics: readonly string[]): Frame => {
  const error = new RookeryError('forbidden', 'This is no longer allowed')
  return new Frame({ type: 'unsubscribed', topics, error: error.toJSON() })
}
