import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Hono } from 'hono'
import { createToken } from '../../core/util/token.ts'

declare module '../../core/sessions/transport.ts' {
  interface Handshake {
    /**
     * Node's own request, from transports over HTTP: for middleware of Express such as `express-session` or Passport. Of
     * SSE and WebSocket it is the one that opened the connection.
     */
    readonly request?: IncomingMessage
  }
}

/**
 * Takes over a connection that asked for a WebSocket on the handler's path, now or later. `url` is the parsed request
 * target. A coded error that it throws, or rejects with, becomes the answer.
 */
export type UpgradeHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  url: URL,
) => void | Promise<void>

/**
 * Answers requests itself, on Node's own objects. A coded error that it throws before it has answered becomes the
 * answer.
 */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
) => void | Promise<void>

/** What of a request tells where it comes from and where it was sent. */
export interface RequestOrigin {
  readonly headers: IncomingHttpHeaders
  readonly socket?: { readonly remoteAddress?: string | undefined }
}

/** The HTTP server of an app. */
export interface HttpServer {
  /** Where it really listens, such as `http://localhost:3000`. @throws `missing_provider` before it listens */
  readonly url: string
  /** Node's own server, for what Rookery does not cover. @throws `missing_provider` with `http({ server: false })` */
  readonly server: Server
  /**
   * Takes WebSocket upgrades on a path. Requests from an origin that is not allowed never get there.
   *
   * @returns how to take it back
   * @throws `invalid_option` when the path is taken
   */
  onUpgrade(path: string, handler: UpgradeHandler): () => void
  /**
   * Takes all requests on a path and below it: for streams, and for libraries that want Node's own objects. Requests from an
   * origin that is not allowed never get there; preflights are answered and CORS headers are set.
   *
   * @returns how to take it back
   * @throws `invalid_option` when the path is taken
   */
  onRequest(path: string, handler: RequestHandler): () => void
  /** Whether a request comes from the server's own origin, from an allowed one, or from no page at all. */
  allowsOrigin(request: RequestOrigin): Promise<boolean>
  /** The network address of the client that sent a request, behind the proxies that are trusted. */
  addressOf(request: IncomingMessage): string
}

export const HttpServer = createToken<HttpServer>('HttpServer', "http() from 'rookery/http'")

/**
 * Hono's router, asked before the `routes` of the user. It is there from the start of `http()` on: a plugin that adds routes
 * names it in `requires` and uses it in `start`.
 */
export const HttpRoutes = createToken<Hono>('HttpRoutes', "http() from 'rookery/http'")

/**
 * The app as functions for Node's requests and upgrades, for frameworks that do not give out their server:
 * `http({ server: false })`. Both functions may be passed on without their object.
 */
export interface NodeHandler {
  /**
   * Answers a request if its path is one of the app's; otherwise calls `next`, or answers 404 `not_found` without one.
   *
   * @example expressApp.use(app.scope.get(NodeHandler).request)
   */
  readonly request: (request: IncomingMessage, response: ServerResponse, next?: () => void) => void
  /**
   * Takes an upgrade request if its path is one of the app's, and tells whether it was.
   *
   * @example server.on('upgrade', app.scope.get(NodeHandler).upgrade)
   */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean
}

export const NodeHandler = createToken<NodeHandler>('NodeHandler', "http() from 'rookery/http'")
