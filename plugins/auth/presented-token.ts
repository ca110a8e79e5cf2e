import type { IncomingHttpHeaders } from 'node:http'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Handshake } from '../../core/sessions/transport.ts'
import { within } from '../../core/util/promises.ts'
import type { HttpServer } from '../http/tokens.ts'

export interface CredentialOptions {
  readonly required: boolean
  readonly cookie: string | undefined
  readonly query: string | undefined
}

type Headers = Handshake['headers']

/** A parameter of the handshake by which a peer says that its first frame has the token, where none is required. */
const ANNOUNCED = 'auth'

const headerOf = (headers: Headers, name: string): string | undefined => {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}

const bearerOf = (headers: Headers): string | undefined =>
  /^Bearer +(.+)$/i.exec(headerOf(headers, 'authorization') ?? '')?.[1]

const cookieOf = (headers: Headers, name: string): string | undefined => {
  for (const pair of (headerOf(headers, 'cookie') ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at >= 0 && pair.slice(0, at).trim() === name)
      return pair
        .slice(at + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1')
  }
  return undefined
}

/**
 * The token that a peer presents, in this order: the Authorization header, the transport's own way, the query, a cookie,
 * the first frame. Undefined when there is none.
 *
 * @param patience milliseconds to wait for the first frame
 * @throws `origin_not_allowed` for a cookie that came from another site's page; what the first frame is refused with;
 * `unauthenticated` when it does not come
 */
export const presentedToken = async (
  handshake: Handshake,
  { required, cookie, query }: CredentialOptions,
  http: () => HttpServer,
  patience: number,
): Promise<string | undefined> => {
  const { headers, token, query: parameters, firstToken } = handshake
  const shown = bearerOf(headers) || token || (query && parameters.get(query))
  if (shown) return shown
  const kept = cookie && cookieOf(headers, cookie)
  if (kept) {
    await assertOwnPage(handshake, http())
    return kept
  }
  // Who needs no token need not say so, and would be waited for in vain.
  if (!firstToken || !(required || parameters.get(ANNOUNCED) === 'first')) return undefined
  const late = () => new RookeryError('unauthenticated', 'No token came in time')
  return (await within(patience, firstToken(), late)) || undefined
}

/** Browsers send cookies along whichever page asks: a cookie counts only where the page may use the server. */
const assertOwnPage = async ({ request, headers }: Handshake, http: HttpServer): Promise<void> => {
  const asked = request ?? { headers: headers as IncomingHttpHeaders }
  if (!(await http.allowsOrigin(asked))) throw new RookeryError('origin_not_allowed')
}

/**
 * With all origins allowed, any page could act for whoever has a cookie.
 *
 * @throws `invalid_option`
 */
export const assertOriginCheck = async (http: HttpServer): Promise<void> => {
  const headers = { host: 'localhost', origin: `https://${crypto.randomUUID()}.invalid` }
  if (!(await http.allowsOrigin({ headers }))) return
  throw new RookeryError(
    'invalid_option',
    "auth(): with 'cookie', the allowedOrigins of http() must not let in every origin; list those of your own pages",
  )
}
