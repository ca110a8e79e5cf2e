import { type Issue, RookeryError, type WireError } from './errors.ts'

/** Version of the wire protocol. `welcome` carries it. */
export const PROTOCOL_VERSION = 1

/** The position of a client in the history, for all its subscriptions. */
export interface Cursor {
  readonly epoch: string
  readonly seq: number
}

/** The user of a session. `app.send({ user })` addresses `id`. Plugins may add fields. */
export interface User {
  /** At most 255 bytes of UTF-8. */
  readonly id: string
  readonly name: string
  readonly [field: string]: unknown
}

/**
 * The contract of an untyped app or client: topics are strings, payloads are `unknown` unless the call states a type.
 */
export interface Untyped {
  // Optional, so that an app with a contract is also an `App`. `undefined` would exclude it.
  readonly user?: unknown
  readonly topics?: unknown
  readonly calls?: unknown
}

// ---- client to server

/** A message to a handler. With an `id` the client expects a reply. */
export interface SendFrame {
  readonly type?: undefined
  readonly topic: string
  readonly payload?: unknown
  readonly id?: number
}
/** Subscribes to patterns. Each pattern is accepted or refused for itself. */
export interface SubscribeFrame {
  readonly type: 'subscribe'
  readonly id?: number
  readonly topics: readonly string[]
  readonly since?: Cursor
}
export interface UnsubscribeFrame {
  readonly type: 'unsubscribe'
  readonly id?: number
  readonly topics: readonly string[]
}
/** A new token. */
export interface AuthFrame {
  readonly type: 'auth'
  readonly id?: number
  readonly token: string
}
export interface PongFrame {
  readonly type: 'pong'
  readonly id?: undefined
}
export type ClientFrame = SendFrame | SubscribeFrame | UnsubscribeFrame | AuthFrame | PongFrame

// ---- server to client

/** The first frame of every session. */
export interface WelcomeFrame {
  readonly type: 'welcome'
  readonly protocol: number
  readonly session: string
  /**
   * Proves that a later connection belongs to the client of this session: `previous=<secret>` in its handshake replaces
   * the session.
   */
  readonly secret: string
  readonly user: User | null
  /** Hash of the contract of the app, if it has one. */
  readonly contract?: string
  /** Milliseconds between two pings. A client that receives nothing for longer has lost its server. */
  readonly pingInterval: number
  /** Largest frame that the server accepts, in bytes. A larger frame ends the session. */
  readonly maxPayload: number
  /** Frames a second, and frames at once, that the server accepts. Every frame of the client counts. */
  readonly messageRate?: number
  readonly messageBurst?: number
  /** Bytes a second, and bytes at once, that the server accepts. */
  readonly byteRate?: number
  readonly byteBurst?: number
}
/** A published message. It has all `topics` of its event, unless the only one is `topic`. */
export interface MessageFrame {
  readonly type?: undefined
  readonly topic: string
  readonly payload?: unknown
  readonly topics?: readonly string[]
  /** Position in the history, if the topic has a history. */
  readonly seq?: number
}
export interface ReplyFrame {
  readonly type: 'reply'
  readonly id: number
  readonly payload?: unknown
  readonly error?: WireError
}
/** The payload of the reply to `subscribe`. A frame with one pattern is refused with the error of the reply instead. */
export interface SubscribeReply {
  /** The accepted patterns. */
  readonly topics: readonly string[]
  /** The refused patterns, if there are any. */
  readonly refused?: readonly { readonly topic: string; readonly error: WireError }[]
}
interface PingFrame {
  readonly type: 'ping'
  readonly seq?: number
}
/** Asks for a new token. The current one expires in `expiresIn` milliseconds. */
interface TokenFrame {
  readonly type: 'auth'
  readonly expiresIn: number
}
/** Tells that the server has removed subscriptions. */
export interface UnsubscribedFrame {
  readonly type: 'unsubscribed'
  readonly topics: readonly string[]
  readonly error: WireError
}
/** The error of a frame without an id. */
export interface ErrorFrame {
  readonly type: 'error'
  readonly error: WireError
}
/** The last frame before the server closes. `reconnectAfter` is in milliseconds; null means: do not reconnect. */
export interface CloseFrame {
  readonly type: 'close'
  readonly error: WireError
  readonly reconnectAfter: number | null
}
export type ServerFrame =
  | WelcomeFrame
  | MessageFrame
  | ReplyFrame
  | PingFrame
  | TokenFrame
  | UnsubscribedFrame
  | ErrorFrame
  | CloseFrame

/** Replaces an invalid frame of a client: the error, and the id of the frame if it had one. */
export interface InvalidFrame {
  readonly type: 'invalid'
  readonly id?: number
  readonly error: RookeryError
}

const PONG: PongFrame = { type: 'pong' }

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

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
        expect(
          isObject(since) && typeof since.epoch === 'string' && isId(since.seq),
          'since',
          'a cursor of epoch and seq',
        )
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
