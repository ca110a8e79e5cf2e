import type { IncomingHttpHeaders } from 'node:http'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Handshake } from '../../core/sessions/transport.ts'
import { within } from '../../core/util/promises.ts'
import type { HttpServer } from '../http/tokens.ts'

/** The places where a client may present its token. */
export interface TokenSources {
  /** Whether every client must present a token. */
  readonly required: boolean
  /** Name of the cookie that may hold the token. */
  readonly cookie: string | undefined
  /** Name of the query parameter that may hold the token. */
  readonly query: string | undefined
}

type Headers = Handshake['headers']

/**
 * Query parameter with which a client announces its token: `?auth=first` says that the first frame holds it. Where tokens are
 * optional, the server waits for that frame only then.
 */
const ANNOUNCEMENT_PARAMETER = 'auth'

const headerOf = (headers: Headers, name: string): string | undefined => {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}

const bearerOf = (headers: Headers): string | undefined =>
  /^Bearer +(.+)$/i.exec(headerOf(headers, 'authorization') ?? '')?.[1]

const cookieOf = (headers: Headers, name: string): string | undefined => {
  for (const pair of (headerOf(headers, 'cookie') ?? '').split(';')) {
    const separator = pair.indexOf('=')
    if (separator >= 0 && pair.slice(0, separator).trim() === name)
      return pair
        .slice(separator + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1')
  }
  return undefined
}

/**
 * Returns the token that a client presents, or undefined if it presents none. Looks in this order: the Authorization
 * header, the transport's own field, the query, the cookie, the first frame.
 *
 * @param firstFrameWaitMs how long to wait for the first frame, in milliseconds
 * @throws `origin_not_allowed` if the token is in a cookie and the page's origin is not allowed, `unauthenticated` if
 * the first frame does not arrive in time, or the error with which the transport refuses the first frame
 */
export const presentedToken = async (
  handshake: Handshake,
  { required, cookie, query }: TokenSources,
  http: () => HttpServer,
  firstFrameWaitMs: number,
): Promise<string | undefined> => {
  const { headers, token, query: parameters, firstToken } = handshake
  const explicit = bearerOf(headers) || token || (query && parameters.get(query))
  if (explicit) return explicit
  const fromCookie = cookie && cookieOf(headers, cookie)
  if (fromCookie) {
    await assertAllowedOrigin(handshake, http())
    return fromCookie
  }
  // A client that needs no token may never send one: wait for the first frame only if the client announces it.
  const announced = parameters.get(ANNOUNCEMENT_PARAMETER) === 'first'
  if (!firstToken || !(required || announced)) return undefined
  // An announced token is late because of the network: the client should try again.
  const code = announced ? 'handshake_timeout' : 'unauthenticated'
  const timeout = () => new RookeryError(code, 'The token did not arrive in time')
  return (await within(firstFrameWaitMs, firstToken(), timeout)) || undefined
}

/** Checks the page's origin, because a browser sends the cookie with the requests of any page. */
const assertAllowedOrigin = async ({ request, headers }: Handshake, http: HttpServer): Promise<void> => {
  const source = request ?? { headers: headers as IncomingHttpHeaders }
  if (!(await http.allowsOrigin(source))) throw new RookeryError('origin_not_allowed')
}

/**
 * Checks that the HTTP server refuses at least one origin. If it allowed all of them, any page could act with the cookie
 * of its visitor.
 *
 * @throws `invalid_option`
 */
export const assertOriginCheck = async (http: HttpServer): Promise<void> => {
  const headers = { host: 'localhost', origin: `https://${crypto.randomUUID()}.invalid` }
  if (!(await http.allowsOrigin({ headers }))) return
  throw new RookeryError(
    'invalid_option',
    "auth(): with 'cookie', allowedOrigins of http() must not allow every origin; list the origins of your own pages",
  )
}
