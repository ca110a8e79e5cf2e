import { RookeryError } from '../protocol/errors.ts'
import { assertTopic } from '../topics/topic.ts'

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
  /** Id of a session that does not get the message, usually its sender. */
  readonly except: string | null
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
  /** Id of a session that does not get the message. */
  readonly except?: string | null | undefined
}

/** Adds the message for clients to what a publisher wrote, unless it states one. */
export const withClientMessage = (input: string | EventInit, payload: unknown): EventInit =>
  typeof input === 'object' && input !== null
    ? { ...input, client: input.client ?? {} }
    : { topics: [input], payload, client: {} }

/** Creates an event from what a publisher wrote. @throws `invalid_topic` */
export const createEvent = <P>(input: string | EventInit<P>, payload?: P): Event<P> => {
  if (typeof input === 'string') {
    assertTopic(input)
    return { topics: [input], payload: payload as P, actor: null, client: null, except: null }
  }
  const topics: unknown = input?.topics
  if (!Array.isArray(topics) || topics.length === 0) {
    throw new RookeryError('invalid_topic', 'An event is a topic, or an object with one or more `topics`')
  }
  const { actor = null, client, except = null } = input
  const first = topics[0] as string
  for (const topic of topics) assertTopic(topic)
  if (client?.topic !== undefined) assertTopic(client.topic)
  const message = client && {
    topic: client.topic ?? first,
    payload: 'payload' in client ? client.payload : input.payload,
  }
  return { topics: [...topics], payload: input.payload, actor, client: message ?? null, except }
}
