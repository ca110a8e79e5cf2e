import { compileNamed, parseNamedPattern } from '../core/contract/pattern.ts'
import type { MeetingTopic } from '../core/contract/topic-types.ts'

type OnTopic<Message, Pattern extends string> = Message extends { readonly topic: infer Topic extends string }
  ? WithTopic<Message, Topic, MeetingTopic<Topic, Pattern>>
  : never

/** The message itself if the pattern matches all its topics, so that the compiler excludes it in the `else` branch. */
type WithTopic<Message, Topic, Found> = [Found] extends [never]
  ? never
  : Topic extends Found
    ? Message
    : Message & { readonly topic: Found }

/**
 * Whether a message has a topic that a pattern matches. Tells the messages of a subscription to several topics apart.
 *
 * @throws `invalid_pattern`
 * @example
 * client.subscribe('rooms/42/*', (_payload, message) => {
 *   if (isTopic(message, 'rooms/:room/typing')) showTyping(message.payload.user)
 * })
 */
export const isTopic = <Message extends { readonly topic: string }, const Pattern extends string>(
  message: Message,
  pattern: Pattern,
): message is OnTopic<Message, Pattern> =>
  compileNamed(parseNamedPattern(pattern))(message.topic) !== undefined
