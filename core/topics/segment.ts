import { RookeryError } from '../protocol/errors.ts'
import { assertPattern, MAX_TOPIC_BYTES, quote, utf8Length } from './topic.ts'

/** A value for a segment of a topic. */
export type SegmentValue = string | number | bigint

/** What a segment cannot contain; `%`, which marks an encoded character; and `$` and `:` at the start, which have a meaning. */
const SPECIAL = /[\s\p{Cc}/*%]|^[$:]/gu

/** Stands for the empty string. A `%` in a value is encoded, so no other value has this segment. */
const EMPTY = '%'

const invalid = (value: unknown, wrong: string): RookeryError =>
  new RookeryError('invalid_topic', `Segment${quote(value)} ${wrong}`)

const encode = (value: SegmentValue): string => {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') {
    throw invalid(value, `must be a string or a number, not ${value === null ? 'null' : typeof value}`)
  }
  const text = String(value)
  if (/\p{Cs}/u.test(text)) throw invalid(value, 'must not contain a lone surrogate')
  const encoded = text.replace(SPECIAL, (character) =>
    character === '*' ? '%2A' : encodeURIComponent(character),
  )
  return encoded || EMPTY
}

/**
 * Encodes any text, such as an id or a name, into one segment of a topic. Characters that a segment cannot contain become
 * `%` and their bytes, as in a URL. Different texts have different segments; `parseSegment` returns the text.
 *
 * @example segment('google/1') // 'google%2F1'
 * @throws `invalid_topic` for a lone surrogate, for a segment above 255 bytes, and for a value that is no string or number
 */
export const segment = (value: SegmentValue): string => {
  const encoded = encode(value)
  const bytes = utf8Length(encoded)
  if (bytes <= MAX_TOPIC_BYTES) return encoded
  throw invalid(value, `has ${bytes} bytes, a topic has at most ${MAX_TOPIC_BYTES}`)
}

/**
 * Returns the text of a segment that `segment` has made.
 *
 * @throws `invalid_topic` when the segment is not one of `segment`
 */
export const parseSegment = (encoded: string): string => {
  let text: string | undefined
  try {
    text = encoded === EMPTY ? '' : decodeURIComponent(encoded)
  } catch {
    // Reported below.
  }
  if (text === undefined || encode(text) !== encoded) throw invalid(encoded, 'was not made by segment()')
  return text
}

/** Returns the text that a segment stands for: the text that `segment` was given, or the segment if it was made otherwise. */
export const segmentText = (encoded: string): string => {
  if (!encoded.includes('%')) return encoded
  try {
    return parseSegment(encoded)
  } catch {
    return encoded
  }
}

/**
 * A template tag for topics and patterns: encodes each value with `segment`, so that an id cannot change the topic.
 *
 * @example topic`users/${'google/1'}/inbox` // 'users/google%2F1/inbox'
 * @throws `invalid_topic`
 */
export const topic = (parts: TemplateStringsArray, ...values: readonly SegmentValue[]): string => {
  const text = parts.reduce((before, part, index) => before + encode(values[index - 1]!) + part)
  try {
    assertPattern(text)
  } catch (cause) {
    const { message } = cause as Error
    throw new RookeryError('invalid_topic', message.replace('Pattern', 'Topic'), { cause })
  }
  return text
}
