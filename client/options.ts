import type { ContractIndex } from '../core/contract/contract.ts'
import { RookeryError } from '../core/protocol/errors.ts'
import { readToken, type Token, type TokenSource } from './connection/token.ts'
import { readContract } from './contract-option.ts'
import { type CursorStorage, CursorStore } from './messages/cursor-store.ts'
import type { ClientTransport, TransportDefaults } from './transports/transport.ts'
import type { WebSocketClass } from './transports/websocket.ts'
import type { BackoffBounds } from './util/backoff.ts'
import { type DebugLog, debugLog } from './util/debug-log.ts'
import { invalidOption } from './util/invalid-option.ts'
import { readBoolean, readMilliseconds } from './util/option-values.ts'

/** Query parameters of the handshake. Parameters that are null or undefined are left out. */
export type Params = Readonly<Record<string, string | number | boolean | null | undefined>>

/** Bounds of the random wait between attempts, in milliseconds. */
export type ReconnectOptions = Partial<BackoffBounds>

/**
 * Options of `createClient`. Times are in milliseconds. An unknown option or a wrong value throws `invalid_option`.
 *
 * @example { url: 'https://example.com', token: () => fetchToken(), callTimeout: 5_000 }
 */
export interface ClientOptions {
  /**
   * A contract of `defineContract`, to validate messages and replies. Listeners and callers then get what its schemas return. A
   * message that is not valid becomes an `error` event. For the types alone, `createClient<typeof contract>()` is enough.
   */
  readonly contract?: object | undefined
  /**
   * Origin of the server: `http:`, `https:`, `ws:` or `wss:`. Without it and without a page, as in server-side rendering,
   * the client stays `idle`, and `connect()` throws.
   *
   * @default `location.origin`
   */
  readonly url?: string | URL | undefined
  /**
   * Authenticates the client, over every transport. null, undefined and '' mean that there is no token now.
   *
   * A function is called for every attempt, and when the server asks for a new token because the last one expires. It is
   * not called again while a call is pending. A string is never renewed.
   *
   * @default undefined
   */
  readonly token?: Token | (() => Token | Promise<Token>)
  /** Query parameters of the handshake. A function is called for every attempt. @default {} */
  readonly params?: Params | (() => Params | Promise<Params>) | undefined
  /** Class for the WebSocket transport. Node before 22 has no global one. @default globalThis.WebSocket */
  readonly WebSocket?: WebSocketClass | undefined
  /** Path of the server's WebSocket endpoint. @default '/api/v1/ws' */
  readonly path?: string | undefined
  /**
   * Transports in order of preference. `websocket()` uses the options `WebSocket` and `path` of the client where it has
   * none of its own.
   *
   * @default `[websocket({ WebSocket, path }), sse()]`
   */
  readonly transports?: readonly ClientTransport[] | undefined
  /**
   * Limits two steps of an attempt: the wait for `params` and `token`, and then the time until the server's `welcome`.
   * While another transport is left to try, the second step has 2 s at first, and twice as long in each further round.
   *
   * @default 10_000
   */
  readonly connectTimeout?: number | undefined
  /** Time from a call to its reply, including the time offline. @default 10_000 */
  readonly callTimeout?: number | undefined
  /**
   * Bounds of the wait between attempts. The wait is random: at most `min` after the first failure, at most twice as long
   * after each further one, never longer than `max`.
   *
   * @default { min: 500, max: 20_000 }
   */
  readonly reconnect?: ReconnectOptions | undefined
  /**
   * Bounds of the wait between attempts to switch to a better transport.
   *
   * @default { min: 10_000, max: 120_000 }
   */
  readonly upgrade?: ReconnectOptions | undefined
  /**
   * Most messages and calls in the queue: while there is no connection, while they wait for the server's rate, or while
   * `buffered` is above 1 MiB.
   *
   * @default 100
   */
  readonly maxQueue?: number | undefined
  /**
   * `client.cursor` of an earlier client. Subscriptions made before the first `welcome` get the kept messages after it.
   *
   * @default the cursor in `cursorStorage`
   */
  readonly cursor?: string | null | undefined
  /**
   * Where the client keeps its cursor: at most once a second, when the page is hidden, and on `close()`. `localStorage`
   * outlives the page, and `sessionStorage` a reload of it.
   */
  readonly cursorStorage?: CursorStorage | undefined
  /** Key in `cursorStorage`. Each client of an origin needs its own. @default 'rookery.cursor' */
  readonly cursorKey?: string | undefined
  /**
   * Whether `createClient` connects. With false, the application calls `connect()`.
   *
   * @default true, but false in server-side rendering without `url`
   */
  readonly autoConnect?: boolean | undefined
  /**
   * Whether to log frames and changes of the state with `console.debug`, without tokens and secrets.
   *
   * @default whether `localStorage.rookery` is 'debug'
   */
  readonly debug?: boolean | undefined
}

/** Checked options with their defaults. */
export interface Settings {
  /** Undefined if there is a `problem`. */
  readonly url: URL | undefined
  /** Why the client cannot connect. */
  readonly problem: RookeryError | undefined
  readonly params: () => Promise<Record<string, string>>
  readonly token: TokenSource
  /** Whether `token` can return a new token: the application gave a function. */
  readonly renews: boolean
  readonly transports: readonly ClientTransport[]
  readonly connectTimeout: number
  readonly callTimeout: number
  readonly reconnect: BackoffBounds
  readonly upgrade: BackoffBounds
  readonly maxQueue: number
  readonly autoConnect: boolean
  readonly debug: DebugLog
  readonly contract: ContractIndex | undefined
  readonly cursors: CursorStore
}

/**
 * Checks options and fills in their defaults.
 *
 * @param hasFallback whether the client can use several transports
 * @throws `invalid_option`
 */
export const readOptions = (
  options: ClientOptions,
  defaultTransports: () => readonly ClientTransport[],
  hasFallback: boolean,
): Settings => {
  if (!isObject(options)) throw invalidOption('options', 'an object', options)
  const { url, token, params, WebSocket, path, transports, callTimeout, ...more } = options
  const { connectTimeout, reconnect, upgrade, maxQueue = 100, debug, contract, ...others } = more
  const { cursor, cursorStorage, cursorKey, ...rest } = others
  const hasServer = url !== undefined || globalThis.location !== undefined
  const { autoConnect = hasServer, ...unknown } = rest
  const limit = readMilliseconds('connectTimeout', connectTimeout ?? 10_000)
  refuseUnknown(unknown)
  if (!hasFallback) refuseUnknown({ ...(transports && { transports }), ...(upgrade && { upgrade }) })
  if (!Number.isInteger(maxQueue) || maxQueue < 0)
    throw invalidOption('maxQueue', 'a whole number from 0', maxQueue)
  if (debug !== undefined) readBoolean('debug', debug)
  return {
    url: hasServer ? readUrl(url) : undefined,
    problem: hasServer ? undefined : invalidOption('url', ORIGIN, url),
    params: readParams(params),
    token: readToken(token, limit),
    renews: typeof token === 'function',
    transports: readTransports(transports ?? defaultTransports(), { WebSocket, path }, hasServer),
    connectTimeout: limit,
    callTimeout: readMilliseconds('callTimeout', callTimeout ?? 10_000),
    reconnect: readBounds('reconnect', reconnect, 500, 20_000),
    upgrade: readBounds('upgrade', upgrade, 10_000, 120_000),
    maxQueue,
    autoConnect: readBoolean('autoConnect', autoConnect),
    debug: debugLog(debug),
    contract: readContract(contract),
    cursors: new CursorStore(cursor, cursorStorage, cursorKey),
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const refuseUnknown = (rest: object, prefix = ''): void => {
  for (const name of Object.keys(rest)) {
    throw new RookeryError('invalid_option', `There is no option '${prefix}${name}'`)
  }
}

const ORIGIN = `the origin of the server, such as 'https://example.com' (see 'path', 'params')`

const readUrl = (given: string | URL | undefined): URL => {
  const value = given ?? globalThis.location?.origin
  let url: URL | undefined
  try {
    url = new URL(value)
  } catch {
    // Reported below.
  }
  if (!url || !/^(http|ws)s?:$/.test(url.protocol) || url.pathname + url.search + url.hash !== '/') {
    throw invalidOption('url', ORIGIN, value)
  }
  if (url.username || url.password) throw invalidOption('url', 'without credentials: use token', url)
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

/** @param needed whether at least one transport must work here */
const readTransports = (
  given: readonly ClientTransport[],
  defaults: TransportDefaults,
  needed: boolean,
): readonly ClientTransport[] => {
  if (!Array.isArray(given) || given.length === 0) {
    throw invalidOption('transports', 'a list of transports', given)
  }
  const transports = given.map((transport) => transport.withDefaults?.(defaults) ?? transport)
  const available = transports.filter(({ unavailable }) => !unavailable)
  if (available.length > 0) return available
  if (needed) throw transports[0].unavailable
  return transports
}

const readBounds = (
  name: string,
  bounds: ReconnectOptions = {},
  defaultMin: number,
  defaultMax: number,
): BackoffBounds => {
  if (!isObject(bounds)) throw invalidOption(name, 'an object', bounds)
  const { min = defaultMin, max = Math.max(min, defaultMax), ...unknown } = bounds
  refuseUnknown(unknown, `${name}.`)
  return {
    min: readMilliseconds(`${name}.min`, min),
    max: readMilliseconds(`${name}.max`, max, min),
  }
}
