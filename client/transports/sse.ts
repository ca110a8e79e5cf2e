import { readPath } from '../util/invalid-option.ts'
import { SseConnection } from './sse-connection.ts'
import type { ClientTransport } from './transport.ts'

type Params = Readonly<Record<string, string>>

export interface SseOptions {
  /** Path of the server's SSE endpoint. @default '/api/v1/sse' */
  readonly path?: string | undefined
  /** Headers of every request; `authorization` takes the place of the token. A function is called for each request. */
  readonly headers?: Params | (() => Params | Promise<Params>) | undefined
}

/**
 * Server-sent events down and POST requests up, for networks that WebSockets do not get through. A stream that breaks
 * is taken up where it broke. Where a proxy holds the stream back, the client asks for what is new, again and again.
 *
 * @throws `invalid_option`
 * @example createClient({ transports: [websocket(), sse({ headers: { 'x-tenant': 'acme' } })] })
 */
export const sse = ({ path: given = '/api/v1/sse', headers = {} }: SseOptions = {}): ClientTransport => {
  const path = readPath(given)
  return {
    name: 'sse',
    connect: ({ url, params, token, timeout }, events) => {
      const address = new URL(path, url).href
      const request = async (suffix: string, init: RequestInit): Promise<Response> => {
        const own = typeof headers === 'function' ? await headers() : headers
        const all = new Headers({ ...own, ...init.headers } as Params)
        const bearer = token()
        if (bearer && !all.has('authorization')) all.set('authorization', `Bearer ${bearer}`)
        // Cookies go along as they do with a WebSocket.
        return await fetch(address + suffix, { credentials: 'include', ...init, headers: all })
      }
      return new SseConnection(request, params, timeout / 2, events)
    },
  }
}
