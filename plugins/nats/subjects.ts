import { RookeryError } from '../../core/protocol/errors.ts'
import { assertTopic } from '../../core/topics/topic.ts'

/**
 * Topics as NATS subjects, one to one. `/` becomes `.`, a last `*` of a pattern becomes `>`, and the characters that
 * NATS or this mapping treats specially are percent-encoded.
 *
 * Topics whose first segment begins with `$` have a space of their own, because our wildcards do not match them and
 * those of NATS would.
 */

const SPECIAL = /[%.*>]/g
const ENCODED = /%(25|2E|2A|3E)/g

const SPACES = { topic: 'topic', system: 'system' } as const

const encode = (segment: string): string =>
  segment.replace(SPECIAL, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

const decode = (token: string): string =>
  token.replace(ENCODED, (_match, code: string) => String.fromCharCode(Number.parseInt(code, 16)))

const spaceOf = (topic: string): string => (topic.startsWith('$') ? SPACES.system : SPACES.topic)

/** @example subjectOf('rookery', 'rooms/42/messages') // 'rookery.topic.rooms.42.messages' */
export const subjectOf = (prefix: string, topic: string): string =>
  `${prefix}.${spaceOf(topic)}.${topic.split('/').map(encode).join('.')}`

/** @example patternSubject('rookery', 'rooms/*') // 'rookery.topic.rooms.>' */
export const patternSubject = (prefix: string, pattern: string): string => {
  const segments = pattern.split('/')
  const last = segments.length - 1
  const tokens = segments.map((segment, index) => {
    if (segment !== '*') return encode(segment)
    return index === last ? '>' : '*'
  })
  return `${prefix}.${spaceOf(pattern)}.${tokens.join('.')}`
}

/** The topic of a subject that `subjectOf` has made. */
export const topicOf = (prefix: string, subject: string): string => {
  const start = subject.indexOf('.', prefix.length + 1) + 1
  return subject.slice(start).split('.').map(decode).join('/')
}

/** The topic of a subject that somebody outside has made up. @throws `invalid_topic` */
export const checkedTopicOf = (prefix: string, subject: string): string => {
  const topic = topicOf(prefix, subject)
  assertTopic(topic)
  const own = subjectOf(prefix, topic)
  if (own === subject) return topic
  throw new RookeryError('invalid_topic', `Topic ${JSON.stringify(topic)} is published to as ${own}`)
}

/** Most subjects that are remembered. */
const REMEMBERED = 4096

/** The subjects of topics; those in use are remembered. */
export class Subjects {
  readonly #prefix: string
  readonly #known = new Map<string, string>()

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  of(topic: string): string {
    let subject = this.#known.get(topic)
    if (subject === undefined) {
      if (this.#known.size >= REMEMBERED) this.#known.clear()
      this.#known.set(topic, (subject = subjectOf(this.#prefix, topic)))
    }
    return subject
  }
}
