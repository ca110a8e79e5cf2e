import { RookeryError } from '../protocol/errors.ts'
import { assertTopic } from '../topics/topic.ts'

/** Who caused an event: a client's session and its user. Null when the server itself did. */
export interface Actor {
  readonly session: string
  readonly user: string | null
}

/** What clients see of an event. */
export interface ClientMessage {
  readonly topic: string
  readonly payload: unknown
}

/** Something that happened. */
export interface Event<P = unknown> {
  /** One or more topics; subscriptions match on them. */
  readonly topics: readonly string[]
  readonly payload: P
  readonly actor: Actor | null
  /** What reaches clients; an event without it is internal and never leaves the server. */
  readonly client: ClientMessage | null
  /** Id of a session that does not get the message, because it caused it and knows. */
  readonly except: string | null
}

/** What a publisher writes: an event with its defaults left out. */
export interface EventInit<P = unknown> {
  readonly topics: readonly string[]
  readonly payload: P
  readonly actor?: Actor | null | undefined
  /** A message for clients. Its topic is the event's first topic and its payload the event's by default. */
  readonly client?: { readonly topic?: string; readonly payload?: unknown } | undefined
  /** Id of a session that does not get the message. */
  readonly except?: string | null | undefined
}

/** @throws `invalid_topic` */
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
