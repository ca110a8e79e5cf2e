import { RookeryError } from '../protocol/errors.ts'
import { assertTopic, utf8Length } from '../topics/topic.ts'
import { checkOptions, option } from '../util/options.ts'

/** The client that caused an event: its session and user. */
export interface Actor {
  readonly session: string
  readonly user: string | null
}

/** The message that clients get for an event. */
export interface ClientMessage {
  readonly topic: string
  readonly payload: unknown
}

/** An event on the bus. */
export interface Event<P = unknown> {
  /** One or more topics. Patterns are matched against them. */
  readonly topics: readonly string[]
  readonly payload: P
  /** The client that caused the event; null if the server did. */
  readonly actor: Actor | null
  /** The message for clients. An event without it is internal and does not leave the server. */
  readonly client: ClientMessage | null
  /** Id of a session, or a `session.client`, that does not get the message: usually the sender. */
  readonly except: string | null
  /** Idempotency key of a kept message. */
  readonly id?: string | undefined
}

/** An event, as a publisher writes it. Fields with a default may be left out. */
export interface EventInit<P = unknown> {
  readonly topics: readonly string[]
  readonly payload: P
  readonly actor?: Actor | null | undefined
  /**
   * The message for clients. `topic` is by default the event's first topic, `payload` the event's payload. Without
   * `client`, `app.bus.publish` sends nothing to clients, and `app.publish` uses `{}`.
   */
  readonly client?: { readonly topic?: string; readonly payload?: unknown } | undefined
  /** Id of a session, or a `session.client`, that does not get the message. */
  readonly except?: string | null | undefined
  /**
   * Idempotency key, if the history keeps the message: of two messages with the same key within two minutes, it stores and
   * delivers only the first. At most 255 bytes. Listeners on the server get both events.
   */
  readonly id?: string | undefined
}

/** Options of `publish`. */
export interface PublishOptions {
  /** Idempotency key. See `EventInit.id`. */
  readonly id?: string | undefined
}

const OPTIONS = { id: option.any }

/**
 * Adds the message for clients to what a publisher wrote, unless it states one.
 *
 * @throws `invalid_option`
 */
export const withClientMessage = (
  input: string | EventInit,
  payload: unknown,
  options: PublishOptions | undefined,
): EventInit => {
  if (options !== undefined) checkOptions('publish()', options, OPTIONS)
  return typeof input === 'object' && input !== null
    ? { ...options, ...input, client: input.client ?? {} }
    : { topics: [input], payload, client: {}, id: options?.id }
}

/** Bytes (UTF-8) that an idempotency key may have. */
const MAX_ID_BYTES = 255

const assertId = (id: unknown): void => {
  if (typeof id === 'string' && id !== '' && utf8Length(id) <= MAX_ID_BYTES && !/\p{Cc}/u.test(id)) return
  throw new RookeryError(
    'invalid_option',
    `publish(): option 'id' must be 1 to ${MAX_ID_BYTES} bytes of text without control characters`,
  )
}

const EVENT_FIELDS: readonly string[] = ['topics', 'payload', 'actor', 'client', 'except', 'id']
const MESSAGE_FIELDS: readonly string[] = ['topic', 'payload']

/** A misspelt field would be ignored, and a message would reach clients that it must not reach. */
const assertFields = (given: object, what: string, fields: readonly string[]): void => {
  for (const name in given) {
    if (fields.includes(name)) continue
    const problem = `${what} has no field '${name}'; the fields are ${fields.join(', ')}`
    throw new RookeryError('invalid_option', problem)
  }
}

/** Creates an event from what a publisher wrote. @throws `invalid_topic`, `invalid_option` */
export const createEvent = <P>(input: string | EventInit<P>, payload?: P): Event<P> => {
  if (typeof input === 'string') {
    assertTopic(input)
    return { topics: [input], payload: payload as P, actor: null, client: null, except: null }
  }
  const topics: unknown = input?.topics
  if (!Array.isArray(topics) || topics.length === 0) {
    throw new RookeryError('invalid_topic', 'An event is a topic, or an object with one or more `topics`')
  }
  assertFields(input, 'An event', EVENT_FIELDS)
  const { actor = null, client, except = null, id } = input
  if (client) assertFields(client, '`client` of an event', MESSAGE_FIELDS)
  const first = topics[0] as string
  for (const topic of topics) assertTopic(topic)
  if (client?.topic !== undefined) assertTopic(client.topic)
  const message = client && {
    topic: client.topic ?? first,
    payload: 'payload' in client ? client.payload : input.payload,
  }
  const event = { topics: [...topics], payload: input.payload, actor, client: message ?? null, except }
  if (id === undefined) return event
  assertId(id)
  return { ...event, id }
}
