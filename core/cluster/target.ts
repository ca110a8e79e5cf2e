import { RookeryError } from '../protocol/errors.ts'
import { utf8Length } from '../topics/topic.ts'
import { shortIds } from '../util/short-ids.ts'

/** The sessions that `app.send` and `app.sessions.disconnect` reach. */
export type Target = { readonly user: string } | { readonly session: string } | { readonly room: string }

/** Bytes (UTF-8) that the id of a user, a session or a room may have. OpenID Connect allows a `sub` as many. */
const MAX_ID_BYTES = 255

/** Returns what is wrong with the id of a user, a session or a room, or undefined if it is valid. */
export const idComplaint = (id: unknown): string | undefined => {
  if (typeof id !== 'string' || id === '') return 'must be a string that is not empty'
  if (/\p{Cs}/u.test(id)) return 'must be well-formed Unicode'
  // A UTF-16 unit takes at most three bytes, so the bytes of short ids need not be counted.
  const tooLong = id.length > MAX_ID_BYTES || (id.length * 3 > MAX_ID_BYTES && utf8Length(id) > MAX_ID_BYTES)
  return tooLong ? `must have at most ${MAX_ID_BYTES} bytes` : undefined
}

/** The name by which a client subscribes to what is kept for its user. */
export const INBOX = '$inbox'

/** A session id: the id of its node, and a part that is unique on the node. */
const SESSION_ID = /^(\w+)-(.+)$/s

/**
 * The address of a target: the topic `$user/<id>`, `$room/<id>` or `$session/<node>/<rest of the id>`. The ids are
 * encoded, so that each is one segment.
 *
 * @throws `invalid_option`
 */
export const addressOf = (target: Target): string => {
  const [kind, id, ...more] = Object.entries(target).flat()
  const known = kind === 'user' || kind === 'session' || kind === 'room'
  if (!known || more.length > 0) {
    throw new RookeryError(
      'invalid_option',
      'A target is one of { user }, { session } or { room }, with its id',
    )
  }
  const wrong = idComplaint(id)
  if (wrong) throw new RookeryError('invalid_option', `The id of a target ${wrong}`)
  const [, node, rest] = (kind === 'session' && SESSION_ID.exec(id as string)) || []
  if (node !== undefined && rest !== undefined) return `$session/${node}/${encodeSegment(rest)}`
  return `$${kind}/${encodeSegment(id as string)}`
}

/** The pattern of the addresses of all sessions of a node. */
export const sessionAddresses = (node: string): string => `$session/${node}/*`

/** The id of the node that has a session, which the session id names. Undefined if the id names none. */
export const nodeOfSession = (id: string): string | undefined => SESSION_ID.exec(id)?.[1]

/** Encodes any id into one segment of a topic, reversibly: percent-encoding, including `*`. */
const encodeSegment = (id: string): string => encodeURIComponent(id).replaceAll('*', '%2A')

/** The target of an address. @throws `invalid_topic` */
export const targetOf = (address: string): Target => {
  const [, kind, node, id] = /^\$(?:(user|room)|session\/(\w+))\/([^/]+)$/.exec(address) ?? []
  try {
    if (id !== undefined && node !== undefined) return { session: `${node}-${decodeURIComponent(id)}` }
    if (id !== undefined) return { [kind as string]: decodeURIComponent(id) } as unknown as Target
  } catch {
    // An external client has chosen the address. The error below says what is expected.
  }
  throw new RookeryError(
    'invalid_topic',
    `'${shortIds(address)}' is not the address of a user, a session or a room`,
  )
}
