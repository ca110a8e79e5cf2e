import { isPromiseLike } from '../../core/util/promises.ts'
import type { Proxies, Target } from './proxies.ts'
import type { RequestOrigin } from './tokens.ts'

/**
 * Origins that pages may connect from, beside the server's own: a list, `'*'` for all, or a function that answers with
 * `true`. What it throws or rejects with refuses the origin.
 */
export type AllowedOrigins = '*' | readonly string[] | ((origin: string) => boolean | Promise<boolean>)

/** An origin as browsers write it (RFC 6454, section 6.2): of web pages, or of apps such as `capacitor://localhost`. */
const isOrigin = (entry: unknown): boolean => {
  if (typeof entry !== 'string' || !URL.canParse(entry)) return false
  const { origin, protocol, host } = new URL(entry)
  return origin === 'null' ? host !== '' && entry === `${protocol}//${host}` : origin === entry
}

/** Says what is wrong with the option, or nothing. */
export const checkOrigins = (value: unknown): string | undefined => {
  if (value === '*' || typeof value === 'function') return undefined
  const what =
    "'*', a function, or a list of origins such as 'https://example.com' or 'capacitor://localhost'"
  if (!Array.isArray(value)) return what
  const wrong = value.find((entry) => !isOrigin(entry))
  return wrong === undefined
    ? undefined
    : `${what} (no path, no slash at the end; ${JSON.stringify(wrong)} is none)`
}

/** The port of a URL of a scheme that has one by default. */
const portOf = ({ protocol, port }: URL): string => port || (protocol === 'https:' ? '443' : '80')

/** Whether an origin is the one that a request was sent to. Where the scheme is not known, the port alone has to fit. */
const isOwn = (origin: string, { scheme, hosts }: Target): boolean => {
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

/** Decides which pages may use the server. Browsers let any page connect to any server, with the cookies of its user. */
export class Origins {
  readonly #allowed: AllowedOrigins | undefined
  readonly #proxies: Proxies

  constructor(allowed: AllowedOrigins | undefined, proxies: Proxies) {
    this.#allowed = allowed
    this.#proxies = proxies
  }

  /** Whether the option names an origin; a promise where its function returns one. */
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

  /**
   * Whether a request may be served: it comes from the server's own origin, from an origin that is allowed, or from no
   * page at all.
   *
   * A request without `Origin` that a browser marks as another site's, such as that of an `<img>`, is refused: it carries
   * cookies. A browser's word that page and server are of one origin counts, whatever a proxy has made of `Host`; Chromium
   * gives it with `fetch` and not with WebSockets. Source: https://www.w3.org/TR/fetch-metadata/
   *
   * @param isHandshake whether to decide as for the handshake of a WebSocket, without that word
   */
  allows(request: RequestOrigin, isHandshake = false): boolean | Promise<boolean> {
    const { origin } = request.headers
    const site = request.headers['sec-fetch-site']
    if (origin === undefined) {
      return site === undefined || site === 'same-origin' || site === 'none' || this.#allowed === '*'
    }
    // A page can set the headers of proxies itself, and a browser's word that the page is another site's outweighs them.
    if (site === 'cross-site' || site === 'same-site') return this.lists(origin)
    if ((site === 'same-origin' && !isHandshake) || isOwn(origin, this.#proxies.targetOf(request)))
      return true
    return this.lists(origin)
  }
}
