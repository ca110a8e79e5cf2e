import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, SocketAddress } from 'node:net'

/**
 * Which proxies may say who they speak for: all, so many in a row before the server, or those of a list of addresses,
 * of networks such as `10.0.0.0/8`, and of the names `loopback`, `linklocal` and `uniquelocal`.
 */
export type TrustProxy = boolean | number | readonly string[]

const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

interface Network {
  readonly address: string
  readonly family: 'ipv4' | 'ipv6'
  readonly prefix: number
}

const networkOf = (text: string): Network | undefined => {
  const [address = '', given, ...more] = text.split('/')
  const version = isIP(address)
  const bits = version === 4 ? 32 : 128
  const prefix = given === undefined ? bits : /^\d{1,3}$/.test(given) ? Number(given) : Number.NaN
  if (version === 0 || more.length > 0 || address.includes('%') || !(prefix <= bits)) return undefined
  return { address, family: version === 4 ? 'ipv4' : 'ipv6', prefix }
}

const isTrustee = (entry: unknown): boolean =>
  typeof entry === 'string' && (Object.hasOwn(NAMED, entry) || networkOf(entry) !== undefined)

/** Says what is wrong with the option, or nothing. */
export const checkTrustProxy = (value: unknown): string | undefined => {
  const ok =
    typeof value === 'boolean' ||
    (Number.isSafeInteger(value) && (value as number) >= 0) ||
    (Array.isArray(value) && value.every(isTrustee))
  return ok
    ? undefined
    : "true or false, a number of proxies, or a list of addresses, networks such as '10.0.0.0/8', and 'loopback', 'linklocal' or 'uniquelocal'"
}

/** Whether the one at an address, so many hops from the server, may say who it speaks for. */
type Trust = (address: string, hop: number) => boolean

const trustOf = (proxies: TrustProxy): Trust => {
  if (typeof proxies === 'boolean') return () => proxies
  if (typeof proxies === 'number') return (_address, hop) => hop < proxies
  const list = new BlockList()
  for (const text of proxies.flatMap((entry) => NAMED[entry] ?? [entry])) {
    const network = networkOf(text)
    if (network) list.addSubnet(network.address, network.prefix, network.family)
  }
  return (address) => {
    const version = isIP(address)
    return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}

/** One way to write an address, and IPv4 as IPv4; undefined for what is none. A port is left out. */
export const normalizeAddress = (text: string): string | undefined => {
  const [, bracketed, withPort] = /^(?:\[([^\]]*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(text) ?? []
  const [address = ''] = (bracketed ?? withPort ?? text).split('%')
  const version = isIP(address)
  if (version !== 6) return version === 4 ? address : undefined
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical)?.[1] ?? canonical
}

/**
 * Who is at the other end, behind proxies that are trusted: each has added whom it speaks for at the end, so the list
 * is read from there, and no further than the first that is not trusted or that nobody can read.
 *
 * @param peer address of the connection itself
 * @param forwarded the header `X-Forwarded-For`
 */
export const addressBehind = (peer: string, forwarded: string, trusts: Trust): string => {
  let address = normalizeAddress(peer) ?? peer
  if (forwarded === '' || !trusts(address, 0)) return address
  // Lists may have empty elements (RFC 9110, section 5.6.1).
  const hops = forwarded
    .split(',')
    .map((hop) => hop.trim())
    .filter((hop) => hop !== '')
  for (let hop = 0; trusts(address, hop); hop++) {
    const next = normalizeAddress(hops.pop() ?? '')
    if (next === undefined) break
    address = next
  }
  return address
}

/** Makes what tells the address of whoever sent a request. */
export const createAddressOf = (proxies: TrustProxy): ((request: IncomingMessage) => string) => {
  const trusts = trustOf(proxies)
  return ({ socket, headers }) => {
    const forwarded = headers['x-forwarded-for'] ?? ''
    return addressBehind(socket.remoteAddress ?? '', String(forwarded), trusts)
  }
}
