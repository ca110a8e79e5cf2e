import { RookeryError } from '../protocol/errors.ts'
import { shortIds } from '../util/short-ids.ts'

/** The sessions that `app.send` and `app.sessions.disconnect` reach. */
export type Target = { readonly user: string } | { readonly session: string } | { readonly room: string }

/**
 * The address of a target: a topic `$user/<id>`, `$session/<id>` or `$room/<id>`, with the id encoded.
 *
 * @throws `invalid_option`
 */
export const addressOf = (target: Target): string => {
  const [kind, id, ...more] = Object.entries(target).flat()
  const known = kind === 'user' || kind === 'session' || kind === 'room'
  if (!known || typeof id !== 'string' || id === '' || more.length > 0) {
    throw new RookeryError(
      'invalid_option',
      'A target is one of { user }, { session } or { room }, with its id',
    )
  }
  return `$${kind}/${encodeSegment(id)}`
}

/** Encodes any id into one segment of a topic, reversibly: percent-encoding, including `*`. */
const encodeSegment = (id: string): string => {
  try {
    return encodeURIComponent(id).replaceAll('*', '%2A')
  } catch (cause) {
    throw new RookeryError('invalid_option', 'The id of a target must be well-formed Unicode', { cause })
  }
}

/** The target of an address. @throws `invalid_topic` */
export const targetOf = (address: string): Target => {
  const [, kind, id] = /^\$(user|session|room)\/([^/]+)$/.exec(address) ?? []
  if (kind === undefined || id === undefined) {
    throw new RookeryError(
      'invalid_topic',
      `'${shortIds(address)}' is not the address of a user, a session or a room`,
    )
  }
  return { [kind]: decodeURIComponent(id) } as unknown as Target
}
