import { RookeryError } from '../../core/protocol/errors.ts'
import { assertTopic } from '../../core/topics/topic.ts'

/**
 * Maps topics to NATS subjects, one to one. `/` becomes `.`, the last `*` of a pattern becomes `>`, and characters that
 * are special in NATS or in this mapping are percent-encoded.
 *
 * Topics whose first segment begins with `$` have a namespace of their own, because a wildcard of Rookery does not
 * match them and a wildcard of NATS would.
 */

const SPECIAL = /[%.*>]/g
const ENCODED = /%(25|2E|2A|3E)/g

const NAMESPACES = { topic: 'topic', system: 'system' } as const

const encode = (segment: string): string =>
  segment.replace(SPECIAL, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

const decode = (token: string): string =>
  token.replace(ENCODED, (_match, code: string) => String.fromCharCode(Number.parseInt(code, 16)))

const namespaceOf = (topic: string): string => (topic.startsWith('$') ? NAMESPACES.system : NAMESPACES.topic)

/** @example subjectOf('rookery', 'rooms/42/messages') // 'rookery.topic.rooms.42.messages' */
export const subjectOf = (prefix: string, topic: string): string =>
  `${prefix}.${namespaceOf(topic)}.${topic.split('/').map(encode).join('.')}`

/** @example patternSubject('rookery', 'rooms/*') // 'rookery.topic.rooms.>' */
export const patternSubject = (prefix: string, pattern: string): string => {
  const segments = pattern.split('/')
  const last = segments.length - 1
  const tokens = segments.map((segment, index) => {
    if (segment !== '*') return encode(segment)
    return index === last ? '>' : '*'
  })
  return `${prefix}.${namespaceOf(pattern)}.${tokens.join('.')}`
}

/** Returns the topic of a subject that a node has made with `subjectOf`. */
export const topicOf = (prefix: string, subject: string): string => {
  const start = subject.indexOf('.', prefix.length + 1) + 1
  return subject.slice(start).split('.').map(decode).join('/')
}

/** Returns the topic of a subject that an external NATS client has chosen. @throws `invalid_topic` */
export const checkedTopicOf = (prefix: string, subject: string): string => {
  const topic = topicOf(prefix, subject)
  assertTopic(topic)
  const own = subjectOf(prefix, topic)
  if (own === subject) return topic
  throw new RookeryError('invalid_topic', `Publish to topic ${JSON.stringify(topic)} with the subject ${own}`)
}

/** Whether a pattern is the address of a node, user or room, or of all sessions of a node, which receive requests. */
export const isAddress = (pattern: string): boolean => /^\$(node|user|session|room)\//.test(pattern)

/** The node that an address names: the address of a node or of a session. Undefined for a user or a room. */
export const nodeOf = (address: string): string | undefined =>
  /^\$(?:node|session)\/([^/]+)/.exec(address)?.[1]

/**
 * The subject at which a node receives requests of other nodes to a user or a room. The node subscribes to it only while
 * it has sessions there, so NATS answers for a node that has none.
 *
 * @example requestSubject('rookery', '4f2a', '$user/ada') // 'rookery.request.4f2a.$user.ada'
 */
export const requestSubject = (prefix: string, node: string, address: string): string =>
  `${prefix}.request.${node}.${address.split('/').map(encode).join('.')}`

/** Number of cached subjects at which the cache is cleared. */
const MAX_CACHED_SUBJECTS = 4096

/** Caches the subjects of topics. */
export class SubjectCache {
  readonly #prefix: string
  readonly #subjects = new Map<string, string>()

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  of(topic: string): string {
    let subject = this.#subjects.get(topic)
    if (subject === undefined) {
      if (this.#subjects.size >= MAX_CACHED_SUBJECTS) this.#subjects.clear()
      this.#subjects.set(topic, (subject = subjectOf(this.#prefix, topic)))
    }
    return subject
  }
}
