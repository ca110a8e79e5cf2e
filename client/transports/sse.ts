import { readPath } from '../util/invalid-option.ts'
import { SseConnection } from './sse-connection.ts'
import type { ClientTransport } from './transport.ts'

type Params = Readonly<Record<string, string>>

export interface SseOptions {
  /** Path of the server's SSE endpoint. @default '/api/v1/sse' */
  readonly path?: string | undefined
  /**
   * Headers of every request. A header `authorization` replaces the token. A function is called for each request.
   *
   * @default {}
   */
  readonly headers?: Params | (() => Params | Promise<Params>) | undefined
}

/**
 * Creates the SSE transport: server-sent events down, POST requests up. It is for networks that block WebSockets.
 *
 * After a break, the stream resumes where it broke. If a proxy buffers the stream, the client polls instead.
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
        // With cookies, as in a WebSocket handshake.
        return await fetch(address + suffix, { credentials: 'include', ...init, headers: all })
      }
      return new SseConnection(request, params, timeout / 2, events)
    },
  }
}
