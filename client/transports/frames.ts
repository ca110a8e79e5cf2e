import { RookeryError } from '../../core/protocol/errors.ts'
import { parseServerFrame } from '../../core/protocol/parse-frame.ts'
import {
  type ClientFrame,
  PROTOCOL_VERSION,
  type SendFrame,
  type ServerFrame,
} from '../../core/protocol/protocol.ts'
import { stringify } from '../../core/protocol/stringify.ts'
import type { ConnectionEvents, EncodedFrame } from './transport.ts'

/** @throws `unserializable` */
export const encodeFrame = (frame: ClientFrame): EncodedFrame => {
  const text = stringify(frame, (frame as SendFrame).payload ?? null) as string
  return { frame, text, bytes: new TextEncoder().encode(text).length }
}

/** Returns the frame with which a server would refuse a client's frame. */
export const refusalOf = ({ id }: ClientFrame, refusal: RookeryError): ServerFrame => {
  const error = refusal.toJSON()
  return id === undefined ? { type: 'error', error } : { type: 'reply', id, error }
}

const isError = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { code?: unknown }).code === 'string'

const isTopics = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.every((topic) => typeof topic === 'string'))

/**
 * Whether a frame has the fields that its type requires. The client does not trust the server's frames. A frame of an
 * unknown type is valid: a later server may send it.
 */
export const isServerFrame = (frame: ServerFrame): boolean => {
  const { cursor } = frame as { cursor?: unknown }
  if (cursor !== undefined && typeof cursor !== 'string') return false
  switch (frame.type) {
    case undefined:
      return typeof frame.topic === 'string' && isTopics(frame.topics)
    case 'welcome':
      // For another protocol version the client needs only the number, to report `protocol_mismatch`.
      return frame.protocol !== PROTOCOL_VERSION || typeof frame.session === 'string'
    case 'reply':
      return Number.isInteger(frame.id) && (frame.error === undefined || isError(frame.error))
    case 'replayed':
      return typeof frame.recovered === 'boolean' && isTopics(frame.unkept)
    case 'ping':
      return true
    case 'unsubscribed':
      return frame.topics !== undefined && isTopics(frame.topics) && isError(frame.error)
    case 'error':
    case 'close':
      return isError(frame.error)
    default:
      return typeof (frame as { type: unknown }).type === 'string'
  }
}

/** Parses data of the server. Returns undefined, after a call of `invalid`, if the data is no frame. */
export const readFrame = (
  data: unknown,
  { invalid }: Pick<ConnectionEvents, 'invalid'>,
): ServerFrame | undefined => {
  try {
    if (typeof data !== 'string') throw new RookeryError('bad_frame')
    return parseServerFrame(data)
  } catch (error) {
    invalid(error as RookeryError)
    return undefined
  }
}
