import { compileNamed, parseNamedPattern } from '../core/contract/pattern.ts'
import type { TopicOf } from '../core/contract/topic-types.ts'

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
): message is Extract<Message, { readonly topic: TopicOf<Pattern> }> =>
  compileNamed(parseNamedPattern(pattern))(message.topic)
