import type { IncomingHttpHeaders } from 'node:http'
import { RookeryError } from '../../core/protocol/errors.ts'
import { isSince } from '../../core/protocol/parse-frame.ts'
import type { Since } from '../../core/protocol/protocol.ts'

/** Query parameters that say where a stream begins. They exclude each other. */
const PARAMETERS = ['since', 'last', 'ago'] as const

/**
 * Reads where the replay of a stream begins: after the header `Last-Event-ID`, which an `EventSource` sends when it
 * reconnects, or else where the query says. Undefined if the client wants no replay.
 *
 * @throws `bad_frame`
 */
export const sinceOf = (headers: IncomingHttpHeaders, query: URLSearchParams): Since | undefined => {
  const lastEventId = headers['last-event-id']
  if (lastEventId) return checked('Header Last-Event-ID', String(lastEventId))
  const [name, second] = PARAMETERS.filter((parameter) => query.has(parameter))
  if (name === undefined) return undefined
  if (second) throw new RookeryError('bad_frame', `Query parameters ${name} and ${second} exclude each other`)
  const value = query.get(name) as string
  if (name === 'since') return checked('Query parameter since', value)
  if (!/^\d+$/.test(value)) {
    throw new RookeryError('bad_frame', `Query parameter ${name} must be a whole number from 0`)
  }
  return checked(
    `Query parameter ${name}`,
    name === 'last' ? { last: Number(value) } : { ago: Number(value) },
  )
}

const checked = (what: string, since: Since): Since => {
  if (isSince(since)) return since
  throw new RookeryError('bad_frame', `${what} is not valid`)
}
