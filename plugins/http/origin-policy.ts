import { RookeryError } from '../../core/protocol/errors.ts'
import { isPromiseLike, within } from '../../core/util/promises.ts'
import type { RequestOrigin } from './tokens.ts'
import type { RequestTarget, TrustedProxies } from './trusted-proxies.ts'

/**
 * Origins whose pages may connect, in addition to the server's own: a list, `'*'` for all, or a function that returns
 * `true` for an allowed origin. A function that throws or rejects refuses the origin.
 */
export type AllowedOrigins = '*' | readonly string[] | ((origin: string) => boolean | Promise<boolean>)

/**
 * Whether a text is an origin as browsers write it (RFC 6454, section 6.2), or that of an app, as
 * `capacitor://localhost`.
 */
const isOrigin = (entry: unknown): boolean => {
  if (typeof entry !== 'string' || !URL.canParse(entry)) return false
  const { origin, protocol, host } = new URL(entry)
  return origin === 'null' ? host !== '' && entry === `${protocol}//${host}` : origin === entry
}

/** Describes what the option must be if the value is wrong. */
export const checkOrigins = (value: unknown): string | undefined => {
  if (value === '*' || typeof value === 'function') return undefined
  const what =
    "'*', a function, or a list of origins such as 'https://example.com' or 'capacitor://localhost'"
  if (!Array.isArray(value)) return what
  const wrong = value.find((entry) => !isOrigin(entry))
  return wrong === undefined
    ? undefined
    : `${what} (no path, no slash at the end; ${JSON.stringify(wrong)} is not an origin)`
}

/** The port of an `http:` or `https:` URL, or the default port of its scheme. */
const portOf = ({ protocol, port }: URL): string => port || (protocol === 'https:' ? '443' : '80')

/**
 * Whether an origin is the one that a request was sent to. Does not compare the scheme if the target's is unknown.
 */
const isOwn = (origin: string, { scheme, hosts }: RequestTarget): boolean => {
  if (!URL.canParse(origin)) return false
  const page = new URL(origin)
  const web = page.protocol === 'https:' || page.protocol === 'http:'
  if (!web || (scheme !== undefined && page.protocol !== `${scheme}:`)) return false
  return hosts.some((host) => {
    const target = `${page.protocol}//${host}`
    if (!URL.canParse(target)) return false
    const own = new URL(target)
    return own.hostname === page.hostname && portOf(own) === portOf(page)
  })
}

/**
 * Decides which pages may use the server. Without this check, any page could connect, because browsers let a page
 * send requests to any server, with the user's cookies.
 */
export class OriginPolicy {
  readonly #allowed: AllowedOrigins | undefined
  readonly #proxies: TrustedProxies
  readonly #decisionTimeout: number

  /** @param decisionTimeout how long the user's function may take to decide about an origin, in ms */
  constructor(allowed: AllowedOrigins | undefined, proxies: TrustedProxies, decisionTimeout: number) {
    this.#allowed = allowed
    this.#proxies = proxies
    this.#decisionTimeout = decisionTimeout
  }

  /** Whether the option allows an origin. Returns a promise if the user's function does. */
  lists(origin: string): boolean | Promise<boolean> {
    const allowed = this.#allowed
    if (typeof allowed !== 'function') return allowed === '*' || allowed?.includes(origin) === true
    try {
      const answer: unknown = allowed(origin)
      if (!isPromiseLike(answer)) return answer === true
      return Promise.resolve(answer).then(
        (settled) => settled === true,
        () => false,
      )
    } catch {
      return false
    }
  }

  /** As `lists`, but returns false if the user's function does not decide in time. */
  listsInTime(origin: string): boolean | Promise<boolean> {
    const listed = this.lists(origin)
    return isPromiseLike(listed) ? this.#inTime(listed).catch(() => false) : listed
  }

  /**
   * Whether the server may handle a request: its page has the server's own origin or an allowed origin, or no page
   * has sent it.
   *
   * A request without `Origin` that the browser marks as sent by another site, as for an `<img>`, is refused, since
   * it carries cookies. `Sec-Fetch-Site: same-origin` allows a request even if a proxy has changed `Host`. Chromium
   * sends it with `fetch`, but not with WebSockets. Source: https://www.w3.org/TR/fetch-metadata/
   *
   * @param isHandshake whether to decide as for the handshake of a WebSocket, without `Sec-Fetch-Site: same-origin`
   */
  allows(request: RequestOrigin, isHandshake = false): boolean | Promise<boolean> {
    const { origin } = request.headers
    const site = request.headers['sec-fetch-site']
    if (origin === undefined) {
      return site === undefined || site === 'same-origin' || site === 'none' || this.#allowed === '*'
    }
    // The browser's header comes first: a page can set the headers of proxies itself.
    if (site === 'cross-site' || site === 'same-site') return this.lists(origin)
    if ((site === 'same-origin' && !isHandshake) || isOwn(origin, this.#proxies.targetOf(request)))
      return true
    return this.lists(origin)
  }

  /** As `allows`. @throws `handshake_timeout` if the user's function does not decide in time */
  allowsInTime(request: RequestOrigin, isHandshake = false): boolean | Promise<boolean> {
    const allowed = this.allows(request, isHandshake)
    return isPromiseLike(allowed) ? this.#inTime(allowed) : allowed
  }

  async #inTime(decision: PromiseLike<boolean>): Promise<boolean> {
    const late = () => new RookeryError('handshake_timeout', 'The decision about the origin took too long')
    return await within(this.#decisionTimeout, Promise.resolve(decision), late)
  }
}
