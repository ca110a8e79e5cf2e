import type { RookeryError } from './errors.ts'
import { Frame } from './frame.ts'

/** Longest wait that the server asks of a client, in ms: reconnects spread evenly up to here. */
const RECONNECT_SPREAD = 5000

/** The last frame of a session: the error, and when to come back if that makes sense. */
export const closeFrame = (error: RookeryError): Frame =>
  new Frame({
    type: 'close',
    error: error.toJSON(),
    reconnectAfter: error.retryable ? Math.round(Math.random() * RECONNECT_SPREAD) : null,
  })
