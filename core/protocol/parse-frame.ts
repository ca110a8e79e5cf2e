import { type Issue, RookeryError } from './errors.ts'
import type { ClientFrame, InvalidFrame, PongFrame, ServerFrame, Since } from './protocol.ts'

const PONG: PongFrame = { type: 'pong' }

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** Longest cursor of a client, in characters. A cursor of `history()` has 22. */
const MAX_CURSOR_LENGTH = 255

/** Whether a value of a client says where a replay begins. */
export const isSince = (value: unknown): value is Since => {
  if (typeof value === 'string') return value.length > 0 && value.length <= MAX_CURSOR_LENGTH
  if (!isObject(value) || Object.keys(value).length !== 1) return false
  return isId(value.last) || isId(value.ago)
}

const complaints = (frame: Record<string, unknown>): Issue[] => {
  const issues: Issue[] = []
  const expect = (ok: boolean, field: string, what: string) => {
    if (!ok) issues.push({ message: `must be ${what}`, path: [field] })
  }
  expect(frame.id === undefined || isId(frame.id), 'id', 'a whole number from 0')
  switch (frame.type) {
    case undefined:
      expect(typeof frame.topic === 'string', 'topic', 'a string')
      break
    case 'subscribe':
    case 'unsubscribe': {
      const { topics, since } = frame
      const ok =
        Array.isArray(topics) && topics.length > 0 && topics.every((topic) => typeof topic === 'string')
      expect(ok, 'topics', 'a list of one or more strings')
      if (since !== undefined) {
        expect(isSince(since), 'since', "a cursor, 'earliest', { last } or { ago }")
      }
      break
    }
    case 'auth':
      expect(typeof frame.token === 'string', 'token', 'a string')
      break
    default:
      expect(false, 'type', 'subscribe, unsubscribe, auth or pong, or absent')
  }
  return issues
}

/** Whether the transport has found a frame invalid already. A peer cannot send an instance of this class. */
const isInvalid = (frame: unknown): frame is InvalidFrame =>
  isObject(frame) && frame.type === 'invalid' && frame.error instanceof RookeryError

/** Checks the shape of a client's frame. Topics are checked where they are used. */
export const checkClientFrame = (frame: unknown): ClientFrame | InvalidFrame => {
  if (isInvalid(frame)) return frame
  if (!isObject(frame)) {
    return { type: 'invalid', error: new RookeryError('bad_frame', 'A frame is a JSON object') }
  }
  // A pong has no reply, whatever other fields it has.
  if (frame.type === 'pong') return PONG
  const issues = complaints(frame)
  if (issues.length === 0) return frame as unknown as ClientFrame
  const first = issues[0] as Issue
  const error = new RookeryError('bad_frame', `Frame field ${first.path?.join('.')} ${first.message}`, {
    issues,
  })
  return { type: 'invalid', error, ...(isId(frame.id) && { id: frame.id }) }
}

/** Shared instance, so that a flood of invalid frames costs little. */
const NOT_JSON: InvalidFrame = {
  type: 'invalid',
  error: /* @__PURE__ */ new RookeryError('bad_frame', 'The frame is not JSON'),
}

/** Parses a frame of a client. Never throws. */
export const parseClientFrame = (text: string): ClientFrame | InvalidFrame => {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    return NOT_JSON
  }
  return checkClientFrame(frame)
}

/**
 * Parses a frame of a server.
 *
 * @throws `bad_frame`
 */
export const parseServerFrame = (text: string): ServerFrame => {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch (cause) {
    throw new RookeryError('bad_frame', 'The frame is not JSON', { cause })
  }
  if (!isObject(frame)) throw new RookeryError('bad_frame', 'A frame is a JSON object')
  return frame as unknown as ServerFrame
}
