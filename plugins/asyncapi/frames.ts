import type { JsonSchema } from '../../core/contract/contract.ts'
import type { GapReason } from '../../core/protocol/protocol.ts'

const GAP_REASONS: readonly GapReason[] = ['expired', 'epoch', 'ahead', 'limit', 'unavailable']

/** A frame with what it means. */
interface FrameDescription {
  /** Names of the replies, in `connectionReplies`. */
  readonly replies?: readonly string[]
  readonly description: string
  readonly payload: JsonSchema
}

/** A field: its schema, which a frame may leave out if `isOptional`. */
export interface Field {
  readonly schema: JsonSchema
  readonly isOptional?: boolean
}

const object = (fields: Readonly<Record<string, Field>>, more?: JsonSchema): JsonSchema => {
  const entries = Object.entries(fields)
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])),
    required: entries.filter(([, { isOptional }]) => !isOptional).map(([name]) => name),
    ...more,
  }
}

const constant = (value: string): Field => ({ schema: { type: 'string', const: value } })
const string = (description?: string): Field => ({
  schema: { type: 'string', ...(description && { description }) },
})
const integer = (description: string): Field => ({ schema: { type: 'integer', minimum: 0, description } })
const patterns: Field = { schema: { type: 'array', items: { type: 'string' }, minItems: 1 } }
const flag = (description: string): Field => ({ schema: { type: 'boolean', description }, isOptional: true })
const optional = ({ schema }: Field): Field => ({ schema, isOptional: true })

const requestId = integer('A number that the client uses once. The reply has the same one.')
const replyId = integer('The id of the request')
const position: Field = {
  schema: { type: 'string', description: 'Position in the history. Opaque: give it back as `since`.' },
  isOptional: true,
}

/** Where a replay begins. */
const since: Field = {
  schema: {
    title: 'Since',
    description: 'Replays messages: after a cursor, the oldest, the newest, or the latest by their time.',
    oneOf: [
      { type: 'string', minLength: 1, maxLength: 255, description: "A cursor, or 'earliest'" },
      object({ last: integer('The newest messages: this many') }, { additionalProperties: false }),
      object({ ago: integer('The messages of this many milliseconds') }, { additionalProperties: false }),
    ],
  },
  isOptional: true,
}

const ERROR: Field = { schema: { $ref: '#/components/schemas/Error' } }

/** The schema of an error on the wire. */
export const errorSchema: JsonSchema = object({
  code: string('Compare the code, not the message'),
  message: string('For people'),
  data: { schema: { description: 'What the application says about the error' }, isOptional: true },
  issues: {
    schema: {
      type: 'array',
      description: 'What a validator has found',
      items: object(
        {
          message: string(),
          path: { schema: { type: 'array', items: { type: ['string', 'number'] } }, isOptional: true },
        },
        { title: 'Issue' },
      ),
    },
    isOptional: true,
  },
  retryable: {
    schema: { type: 'boolean', description: 'Whether the same request may succeed later' },
    isOptional: true,
  },
  id: optional(string('Names the error in the log of the server')),
})

/** A published message. */
export const messageFrame = (topic: JsonSchema, payload: Field): JsonSchema =>
  object({
    topic: { schema: topic },
    payload,
    topics: {
      schema: { ...patterns.schema, description: 'All topics of the event, unless `topic` is the only one' },
      isOptional: true,
    },
    cursor: position,
    replayed: flag('Belongs to a replay'),
    kept: flag('False if the server could not keep the message'),
  })

/** A call. */
export const callFrame = (topic: JsonSchema, payload: Field | undefined): JsonSchema =>
  object({ topic: { schema: topic }, ...(payload && { payload }), id: requestId })

/** The reply to a call. */
export const replyFrame = (payload: Field | undefined): JsonSchema =>
  object(
    { type: constant('reply'), id: replyId, ...(payload && { payload }) },
    { not: { required: ['error'] } },
  )

/** The reply with an error of the contract. Code generators name its type after the title. */
export const errorFrame = (title: string, code: string, data: Field): JsonSchema => {
  const fields = {
    code: constant(code),
    message: string('For people'),
    data,
    retryable: { schema: { type: 'boolean' }, isOptional: true },
  }
  return object({ type: constant('reply'), id: replyId, error: { schema: object(fields, { title }) } })
}

/** The reply with an error that is none of these codes. */
export const otherErrorFrame = (title: string, codes: readonly string[]): JsonSchema => {
  const schema =
    codes.length === 0
      ? ERROR.schema
      : { title, allOf: [ERROR.schema, { properties: { code: { not: { enum: codes } } } }] }
  return object({ type: constant('reply'), id: replyId, error: { schema } })
}

/** Frames of the client that are no calls. */
export const clientFrames: Readonly<Record<string, FrameDescription>> = {
  subscribe: {
    description:
      'Subscribes to topics, or to patterns such as `rooms/*`. The reply names the accepted and the refused ones.',
    payload: object({ type: constant('subscribe'), id: optional(requestId), topics: patterns, since }),
    replies: ['subscribed', 'refused'],
  },
  unsubscribe: {
    description: 'Removes subscriptions.',
    payload: object({ type: constant('unsubscribe'), id: optional(requestId), topics: patterns }),
    replies: ['subscribed', 'refused'],
  },
  auth: {
    description: 'Gives the server a token, in the first frame or later.',
    payload: object({ type: constant('auth'), id: optional(requestId), token: string() }),
    replies: ['authenticated', 'refused'],
  },
  pong: {
    description: 'Answers `ping`.',
    payload: object({ type: constant('pong') }),
  },
}

/** A user, if the contract does not describe users. */
export const userSchema: JsonSchema = object({ id: string(), name: string() })

/** Frames of the server that are neither messages of topics nor replies. */
export const serverFrames = (user: JsonSchema): Readonly<Record<string, FrameDescription>> => ({
  welcome: {
    description: 'The first frame of a session.',
    payload: object({
      type: constant('welcome'),
      protocol: integer('Version of the protocol'),
      contract: optional(string('Hash of the contract. In this document, it is `x-rookery-contract`.')),
      session: string('Keep it secret'),
      secret: string('Replaces this session in a later handshake. Keep it secret.'),
      user: { schema: { anyOf: [user, { type: 'null' }] } },
      pingInterval: integer('Milliseconds between two pings'),
      maxPayload: integer('Largest frame of a client, in bytes'),
      messageRate: optional(integer('Frames per second that the client may send')),
      messageBurst: optional(integer('Frames that the client may send at once')),
      byteRate: optional(integer('Bytes per second that the client may send')),
      byteBurst: optional(integer('Bytes that the client may send at once')),
      cursor: position,
    }),
  },
  ping: {
    description: 'Answer it with `pong`.',
    payload: object({ type: constant('ping'), cursor: position }),
  },
  replayed: {
    description: 'Ends the replay of a `subscribe` frame with `since`.',
    payload: object({
      type: constant('replayed'),
      id: optional(replyId),
      recovered: { schema: { type: 'boolean', description: 'Whether no message is missing' } },
      reason: optional({
        schema: { type: 'string', enum: GAP_REASONS, description: 'Why messages are missing' },
      }),
      unkept: optional(patterns),
      cursor: position,
    }),
  },
  renew: {
    description: 'Asks for a new token within `expiresIn` milliseconds.',
    payload: object({ type: constant('auth'), expiresIn: integer('Milliseconds') }),
  },
  unsubscribed: {
    description: 'The server has removed subscriptions.',
    payload: object({ type: constant('unsubscribed'), topics: patterns, error: ERROR }),
  },
  error: {
    description: 'Answers a frame that has no id.',
    payload: object({ type: constant('error'), error: ERROR }),
  },
  close: {
    description: 'The last frame of a session.',
    payload: object({
      type: constant('close'),
      error: ERROR,
      reconnectAfter: {
        schema: { type: ['integer', 'null'], description: 'Milliseconds; null: do not reconnect' },
      },
    }),
  },
})

/** Replies to frames of the client that are no calls. */
export const connectionReplies: Readonly<Record<string, FrameDescription>> = {
  subscribed: {
    description: 'Lists the accepted patterns, and the refused patterns with their errors.',
    payload: replyFrame({
      schema: object(
        {
          topics: { schema: { type: 'array', items: { type: 'string' } } },
          refused: {
            schema: {
              type: 'array',
              items: object({ topic: string(), error: ERROR }, { title: 'RefusedPattern' }),
            },
            isOptional: true,
          },
          cursor: position,
        },
        { title: 'Subscribed' },
      ),
    }),
  },
  authenticated: {
    description: 'The server has accepted the token.',
    payload: replyFrame({ schema: { type: 'object' } }),
  },
  refused: {
    description: 'Refuses the frame.',
    payload: otherErrorFrame('Refused', []),
  },
}
