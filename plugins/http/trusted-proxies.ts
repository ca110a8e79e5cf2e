import type { IncomingMessage } from 'node:http'
import { SocketAddress } from 'node:net'
import proxyAddr from 'proxy-addr'
import type { RequestOrigin } from './tokens.ts'

/**
 * Proxies whose `X-Forwarded-*` and `Forwarded` headers the server trusts: all (`true`), a number of proxies in a row
 * before the server, or a list of addresses, of networks such as `10.0.0.0/8`, and of the names `loopback`,
 * `linklocal` and `uniquelocal`.
 */
export type TrustProxy = boolean | number | readonly string[]

type Trust = (address: string, hop: number) => boolean

/** Undefined if no proxy is trusted, so that most servers need not parse addresses. */
const trustOf = (proxies: TrustProxy): Trust | undefined => {
  if (proxies === false || proxies === 0) return undefined
  if (proxies === true) return () => true
  if (typeof proxies === 'number') return (_address, hop) => hop < proxies
  return proxies.length > 0 ? proxyAddr.compile([...proxies]) : undefined
}

/** Describes what the option must be if the value is wrong. */
export const checkTrustProxy = (value: unknown): string | undefined => {
  const what =
    "true or false, a number of proxies, or a list of addresses, networks such as '10.0.0.0/8', and 'loopback', 'linklocal' or 'uniquelocal'"
  if (typeof value === 'boolean') return undefined
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? undefined : what
  if (!Array.isArray(value)) return what
  for (const entry of value) {
    try {
      if (typeof entry !== 'string') return what
      proxyAddr.compile(entry)
    } catch {
      return what
    }
  }
  return undefined
}

/** The canonical form of an address, without port, brackets and zone. Undefined if the text is not an address. */
export const normalizeAddress = (text: string | undefined): string | undefined => {
  const [, bracketed, withPort] =
    /^(?:\[([^\]]*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(text ?? '') ?? []
  const [address = ''] = (bracketed ?? withPort ?? text ?? '').split('%')
  try {
    const canonical = new SocketAddress({ address, family: address.includes(':') ? 'ipv6' : 'ipv4' }).address
    return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical)?.[1] ?? canonical
  } catch {
    return undefined
  }
}

/** The scheme and hosts that a client has sent its request to. */
export interface RequestTarget {
  /** Undefined if an untrusted proxy may have terminated TLS. */
  readonly scheme: 'http' | 'https' | undefined
  /** Possible values of the `Host` header of the client. */
  readonly hosts: readonly string[]
}

/** Reads the headers in which trusted proxies describe the client of a request. */
export class TrustedProxies {
  readonly #trusts: Trust | undefined

  constructor(proxies: TrustProxy) {
    this.#trusts = trustOf(proxies)
  }

  /**
   * The address of the client that sent a request. Each proxy appends the address of its peer to `X-Forwarded-For`.
   * The list is read from its end up to the first address that is not a trusted proxy's, and stops before an entry
   * that is not an address.
   */
  addressOf(request: IncomingMessage): string {
    const peer = request.socket.remoteAddress ?? ''
    const own = normalizeAddress(peer) ?? peer
    const trusts = this.#trusts
    if (!trusts || request.headers['x-forwarded-for'] === undefined) return own
    const chain = proxyAddr.all(request as never, (text, hop) => trusts(normalizeAddress(text) ?? '', hop))
    let address = own
    for (const text of chain.slice(1)) {
      const next = normalizeAddress(text)
      if (next === undefined) break
      address = next
    }
    return address
  }

  /** Whether a request's connection comes from a trusted proxy. */
  isTrusted(request: RequestOrigin): boolean {
    if (!this.#trusts) return false
    const peer = request.socket?.remoteAddress ?? ''
    return this.#trusts(normalizeAddress(peer) ?? peer, 0)
  }

  /** The scheme and hosts of a request. Sources: RFC 7239, section 4; `X-Forwarded-Host`, `X-Forwarded-Proto`. */
  targetOf(request: RequestOrigin): RequestTarget {
    const { headers } = request
    const isTls = (request.socket as { encrypted?: boolean } | undefined)?.encrypted === true
    const hosts = [headers.host, headers[':authority']]
    if (!this.isTrusted(request)) return { scheme: isTls ? 'https' : undefined, hosts: hosts.filter(isText) }
    const forwarded = headers.forwarded ?? ''
    const proto = firstOf(headers['x-forwarded-proto']) ?? parameterOf(forwarded, 'proto')
    const scheme = proto?.toLowerCase() ?? (isTls ? 'https' : undefined)
    return {
      scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined,
      hosts: [...hosts, firstOf(headers['x-forwarded-host']), parameterOf(forwarded, 'host')].filter(isText),
    }
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const firstOf = (header: string | readonly string[] | undefined): string | undefined =>
  String(header ?? '')
    .split(',')[0]
    ?.trim() || undefined

/** A parameter of the first element of a `Forwarded` header. */
const parameterOf = (forwarded: string, name: string): string | undefined =>
  new RegExp(`^[^,]*?\\b${name}=(?:"([^",]*)"|([^;,\\s]*))`, 'i').exec(forwarded)?.slice(1).find(isText)
