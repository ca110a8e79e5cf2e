import { RookeryError } from '../protocol/errors.ts'

/** Bytes (UTF-8) that a topic or a pattern may have. */
export const MAX_TOPIC_BYTES = 255
/** Segments that a topic or a pattern may have. */
export const MAX_TOPIC_SEGMENTS = 16

// Whitespace, control characters and lone surrogates. `*` is checked separately, since patterns may have it.
const FORBIDDEN = /[\s\p{Cc}\p{Cs}]/u

export const utf8Length = (text: string): number => {
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) as number
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}

/** Returns what is wrong with a topic, or undefined if it is valid. */
const complaint = (topic: unknown, wildcards: boolean): string | undefined => {
  if (typeof topic !== 'string') return `must be a string, not ${topic === null ? 'null' : typeof topic}`
  if (topic === '') return 'must not be empty'
  // A UTF-16 unit takes at most three bytes, so the bytes of short topics need not be counted.
  if (
    topic.length > MAX_TOPIC_BYTES ||
    (topic.length * 3 > MAX_TOPIC_BYTES && utf8Length(topic) > MAX_TOPIC_BYTES)
  ) {
    return `must have at most ${MAX_TOPIC_BYTES} bytes`
  }
  if (FORBIDDEN.test(topic)) return 'must not contain whitespace or control characters'
  const segments = topic.split('/')
  if (segments.length > MAX_TOPIC_SEGMENTS) return `must have at most ${MAX_TOPIC_SEGMENTS} segments`
  for (const segment of segments) {
    if (segment === '') return 'must not have an empty segment'
    if (!segment.includes('*')) continue
    if (!wildcards) return 'must not contain *, which only patterns may'
    if (segment !== '*') return 'may use * only as a whole segment'
  }
  return undefined
}

/** Shows a topic in a message. */
export const quote = (topic: unknown): string => {
  // Another type may not be convertible to a string, and the message names the type.
  if (typeof topic !== 'string') return ''
  const text = JSON.stringify(topic)
  return text.length > 80 ? ` ${text.slice(0, 80)}…` : ` ${text}`
}

/**
 * Checks a topic: one or more non-empty segments joined by `/`, at most 255 bytes and 16 segments, no
 * whitespace, no control characters, no `*`.
 *
 * @throws `invalid_topic`
 */
export function assertTopic(topic: unknown): asserts topic is string {
  if (valid.has(topic as string)) return
  const wrong = complaint(topic, false)
  if (wrong) throw new RookeryError('invalid_topic', `Topic${quote(topic)} ${wrong}`)
  if (valid.size >= MAX_VALID_TOPICS) valid.clear()
  valid.add(topic as string)
}

/** Topics that are remembered as valid. */
const MAX_VALID_TOPICS = 4096
/** Topics that have been checked: most topics are used many times. */
const valid = new Set<string>()

/**
 * Checks a pattern: a topic in which `*` may stand for a whole segment.
 *
 * @throws `invalid_pattern`
 */
export function assertPattern(pattern: unknown): asserts pattern is string {
  const wrong = complaint(pattern, true)
  if (wrong) throw new RookeryError('invalid_pattern', `Pattern${quote(pattern)} ${wrong}`)
}

/** Whether a topic or pattern has a segment that begins with `$`. These belong to the framework. */
export const isReserved = (topic: string): boolean => topic.startsWith('$') || topic.includes('/$')

/**
 * Compiles a pattern into a predicate. The predicate expects a valid topic.
 *
 * @throws `invalid_pattern`
 */
export const compilePattern = (pattern: string): ((topic: string) => boolean) => {
  assertPattern(pattern)
  const wanted = pattern.split('/')
  const open = wanted.at(-1) === '*'
  return (topic) => {
    if (wanted[0] === '*' && topic.startsWith('$')) return false
    const segments = topic.split('/')
    if (open ? segments.length < wanted.length : segments.length !== wanted.length) return false
    return wanted.every((segment, index) => segment === '*' || segment === segments[index])
  }
}

/** Compiles patterns into a predicate: whether one of them matches a topic, which must be valid. @throws `invalid_pattern` */
export const compilePatterns = (patterns: readonly string[]): ((topic: string) => boolean) => {
  const compiled = patterns.map(compilePattern)
  return (topic) => compiled.some((matches) => matches(topic))
}

/**
 * Whether a pattern matches a topic.
 *
 * - `*` before the last segment stands for exactly one segment
 * - `*` as the last segment stands for one or more: `foo/*` matches `foo/a` and `foo/a/b`, not `foo`
 * - a wildcard does not match a topic whose first segment begins with `$`
 *
 * @example topicMatches('rooms/*', 'rooms/42/messages') // true
 * @throws `invalid_pattern`, `invalid_topic`
 */
export const topicMatches = (pattern: string, topic: string): boolean => {
  const matches = compilePattern(pattern)
  assertTopic(topic)
  return matches(topic)
}
