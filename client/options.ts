import { RookeryError } from '../core/protocol/errors.ts'
import { readToken, type Token } from './connection/token.ts'
import { sse } from './transports/sse.ts'
import type { ClientTransport } from './transports/transport.ts'
import { type WebSocketClass, websocket } from './transports/websocket.ts'
import type { BackoffBounds } from './util/backoff.ts'
import { invalidOption } from './util/invalid-option.ts'

/** Query parameters of the handshake; null and undefined ones are left out. */
export type Params = Readonly<Record<string, string | number | boolean | null | undefined>>

export type ReconnectOptions = Partial<BackoffBounds>

/** Times are in milliseconds. */
export interface ClientOptions {
  /** Origin of the server: `http:`, `https:`, `ws:` or `wss:`. @default `location.origin` */
  readonly url?: string | URL | undefined
  /**
   * Says to the server who this is, over every transport. A function is called anew for every attempt, and when the
   * server asks for a new token because the last one expires; one call at a time. null, undefined and '': none now.
   *
   * @default undefined
   */
  readonly token?: Token | (() => Token | Promise<Token>)
  /** Parameters of the handshake. A function is called for every attempt. */
  readonly params?: Params | (() => Params | Promise<Params>) | undefined
  /** Of the WebSocket transport. @default the global one; Node before 22 has none */
  readonly WebSocket?: WebSocketClass | undefined
  /** Of the WebSocket transport. @default '/api/v1/ws' */
  readonly path?: string | undefined
  /** Ways to the server, in order of preference. @default `[websocket({ WebSocket, path }), sse()]` */
  readonly transports?: readonly ClientTransport[] | undefined
  /** From the start of a connection to the server's welcome; before it, for `params` and `token`. @default 10_000 */
  readonly connectTimeout?: number | undefined
  /** From a call to its answer. @default 10_000 */
  readonly callTimeout?: number | undefined
  /** Wait between attempts: random, up to `min` at first, doubling up to `max`. @default { min: 500, max: 20_000 } */
  readonly reconnect?: ReconnectOptions | undefined
  /** Wait between attempts at a better transport, while a lesser one works. @default { min: 10_000, max: 120_000 } */
  readonly upgrade?: ReconnectOptions | undefined
  /** Most messages that wait while there is no connection. @default 100 */
  readonly maxQueue?: number | undefined
  /** Whether `createClient` connects. @default true */
  readonly autoConnect?: boolean | undefined
}

/** Options, checked and complete. */
export interface Settings {
  readonly url: URL
  readonly params: () => Promise<Record<string, string>>
  readonly token: () => Promise<string | undefined>
  /** Whether there may be another token later. */
  readonly renews: boolean
  readonly transports: readonly ClientTransport[]
  readonly connectTimeout: number
  readonly callTimeout: number
  readonly reconnect: BackoffBounds
  readonly upgrade: BackoffBounds
  readonly maxQueue: number
  readonly autoConnect: boolean
}

/** The longest wait that `setTimeout` takes; it treats more as none. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1

/**
 * Checks an option that is a time.
 *
 * @throws `invalid_option`
 */
export const milliseconds = (name: string, value: number, least = 1): number => {
  if (typeof value === 'number' && value >= least && value <= MAX_TIMEOUT_MS) return value
  throw invalidOption(name, `a number of milliseconds from ${least} to ${MAX_TIMEOUT_MS}`, value)
}

/**
 * Checks options and fills in their defaults.
 *
 * @throws `invalid_option`
 */
export const readOptions = (options: ClientOptions): Settings => {
  if (!isObject(options)) throw invalidOption('options', 'an object', options)
  const { url, token, params, WebSocket, path, transports, callTimeout, ...more } = options
  const { connectTimeout, reconnect, upgrade, maxQueue = 100, autoConnect = true, ...unknown } = more
  const limit = milliseconds('connectTimeout', connectTimeout ?? 10_000)
  refuseUnknown(unknown)
  if (!Number.isInteger(maxQueue) || maxQueue < 0)
    throw invalidOption('maxQueue', 'a whole number from 0', maxQueue)
  if (typeof autoConnect !== 'boolean') throw invalidOption('autoConnect', 'true or false', autoConnect)
  if (transports && (WebSocket || path)) {
    const name = path ? 'path' : 'WebSocket'
    throw invalidOption(name, `left to websocket({ ${name} }) where transports are given`, path ?? WebSocket)
  }
  return {
    url: readUrl(url),
    params: readParams(params),
    token: readToken(token, limit),
    renews: typeof token === 'function',
    transports: readTransports(transports ?? [websocket({ WebSocket, path }), sse()]),
    connectTimeout: limit,
    callTimeout: milliseconds('callTimeout', callTimeout ?? 10_000),
    reconnect: readBounds('reconnect', reconnect, 500, 20_000),
    upgrade: readBounds('upgrade', upgrade, 10_000, 120_000),
    maxQueue,
    autoConnect,
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const refuseUnknown = (rest: object, prefix = ''): void => {
  for (const name of Object.keys(rest)) {
    throw new RookeryError('invalid_option', `There is no option '${prefix}${name}'`)
  }
}

const readUrl = (given: string | URL | undefined): URL => {
  const value = given ?? globalThis.location?.origin
  let url: URL | undefined
  try {
    url = new URL(value)
  } catch {
    // Told below.
  }
  if (!url || !/^(http|ws)s?:$/.test(url.protocol) || url.pathname + url.search + url.hash !== '/') {
    const expected = `the address of the server alone, such as 'https://example.com' (see 'path', 'params')`
    throw invalidOption('url', expected, value)
  }
  url.protocol = url.protocol.replace('ws', 'http')
  return url
}

const readParams = (params: ClientOptions['params'] = {}): Settings['params'] => {
  if (!isObject(params) && typeof params !== 'function') {
    throw invalidOption('params', 'an object, or a function that returns one', params)
  }
  return async () => {
    const current = typeof params === 'function' ? await params() : params
    const present = Object.entries(current).filter(([, value]) => value !== undefined && value !== null)
    return Object.fromEntries(present.map(([name, value]) => [name, String(value)]))
  }
}

const readTransports = (transports: readonly ClientTransport[]): readonly ClientTransport[] => {
  if (!Array.isArray(transports) || transports.length === 0) {
    throw invalidOption('transports', 'a list of one or more', transports)
  }
  const available = transports.filter(({ unavailable }) => !unavailable)
  if (available.length === 0) throw transports[0].unavailable
  return available
}

const readBounds = (
  name: string,
  bounds: ReconnectOptions = {},
  leastByDefault: number,
  mostByDefault: number,
): BackoffBounds => {
  if (!isObject(bounds)) throw invalidOption(name, 'an object', bounds)
  const { min = leastByDefault, max = Math.max(min, mostByDefault), ...unknown } = bounds
  refuseUnknown(unknown, `${name}.`)
  return {
    min: milliseconds(`${name}.min`, min),
    max: milliseconds(`${name}.max`, max, min),
  }
}
