import { RookeryError } from '../../core/protocol/errors.ts'
import {
  type ClientFrame,
  PROTOCOL_VERSION,
  parseServerFrame,
  type ServerFrame,
} from '../../core/protocol/protocol.ts'
import type { ConnectionEvents, EncodedFrame } from './transport.ts'

/** @throws TypeError when the payload cannot be written as JSON */
export const encode = (frame: ClientFrame): EncodedFrame => ({ frame, text: JSON.stringify(frame) })

const isError = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { code?: unknown }).code === 'string'

const isTopics = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.every((topic) => typeof topic === 'string'))

/**
 * Whether a frame has the fields that its type promises; what a server sends is never taken on trust. Types that
 * are not known promise nothing: a later server may have them.
 */
export const isServerFrame = (frame: ServerFrame): boolean => {
  switch (frame.type) {
    case undefined:
      return typeof frame.topic === 'string' && isTopics(frame.topics)
    case 'welcome':
      // Of another version only the number is needed, to say so.
      return frame.protocol !== PROTOCOL_VERSION || typeof frame.session === 'string'
    case 'reply':
      return Number.isInteger(frame.id) && (frame.error === undefined || isError(frame.error))
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

/** Reads what a server sent; what is no frame is told, and undefined. */
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
