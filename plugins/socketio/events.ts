import { RookeryError } from '../../core/protocol/errors.ts'
import type {
  ClientFrame,
  InvalidFrame,
  MessageFrame,
  PongFrame,
  SubscribeFrame,
} from '../../core/protocol/protocol.ts'

/** Event names that Socket.IO reserves. Its clients drop the connection when a server emits one of them. */
const RESERVED_EVENTS = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
])

/**
 * Converts a published message to an event: the topic as its name, the payload, and an object with `topics`, `cursor`,
 * `replayed` and `kept` if the message has them. If Socket.IO reserves the topic, the name is `$message` and the object
 * has the `topic`.
 */
export const eventOf = (message: MessageFrame): [string, unknown, object?] => {
  const { topic, payload = null, topics, cursor, replayed, kept } = message
  const isReserved = RESERVED_EVENTS.has(topic)
  const name = isReserved ? '$message' : topic
  // A parser of the application's own may write undefined as null.
  const details = {
    ...(isReserved && { topic }),
    ...(topics && { topics }),
    ...(cursor !== undefined && { cursor }),
    ...(replayed && { replayed }),
    ...(kept === false && { kept }),
  }
  return Object.keys(details).length > 0 ? [name, payload, details] : [name, payload]
}

/** Converts a client's event to a frame. */
export const frameOf = (
  event: string,
  args: readonly unknown[],
): Exclude<ClientFrame, PongFrame> | InvalidFrame => {
  const [payload] = args
  if (args.length > 1) {
    return { type: 'invalid', error: new RookeryError('bad_frame', 'An event has one payload') }
  }
  if (hasBinary(payload)) return { type: 'invalid', error: new RookeryError('binary_not_supported') }
  switch (event) {
    case 'subscribe':
    case 'unsubscribe':
      return { type: event, ...selectionOf(payload) }
    case 'auth':
      return { type: 'auth', token: payload as string }
    default:
      return { topic: event, payload }
  }
}

/** Reads the patterns of a client: a string, a list, or an object with `topics` and perhaps `since`. */
const selectionOf = (payload: unknown): Pick<SubscribeFrame, 'topics' | 'since'> => {
  const isObject = typeof payload === 'object' && payload !== null && !Array.isArray(payload)
  const { topics, since } = (isObject ? payload : { topics: payload }) as Partial<SubscribeFrame>
  // The session checks the types.
  const list = (Array.isArray(topics) ? topics : [topics]) as readonly string[]
  return { topics: list, ...(since !== undefined && { since }) }
}

/**
 * Whether a payload contains binary data. Uses no recursion and no spread, because the client chooses how deep and
 * how wide the payload is.
 */
const hasBinary = (payload: unknown): boolean => {
  const values = [payload]
  while (values.length > 0) {
    const value = values.pop()
    if (typeof value !== 'object' || value === null) continue
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return true
    for (const inner of Object.values(value))
      if (typeof inner === 'object' && inner !== null) values.push(inner)
  }
  return false
}
