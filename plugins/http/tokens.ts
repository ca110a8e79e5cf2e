import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Hono } from 'hono'
import { createToken } from '../../core/util/token.ts'

declare module '../../core/sessions/transport.ts' {
  interface Handshake {
    /**
     * Node's request, from transports over HTTP: for middleware of Express such as `express-session` or Passport. For
     * SSE and WebSocket, it is the request that opened the connection.
     */
    readonly request?: IncomingMessage
  }
}

/**
 * Takes over the socket of an upgrade request on the handler's path, now or later. `url` is the parsed request
 * target. A `RookeryError` that the handler throws or rejects with becomes the response.
 */
export type UpgradeHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  url: URL,
) => void | Promise<void>

/**
 * Answers requests on Node's own objects. A `RookeryError` that the handler throws or rejects with before it has
 * answered becomes the response.
 */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
) => void | Promise<void>

/** The parts of a request that tell its origin and its target. */
export interface RequestOrigin {
  readonly headers: IncomingHttpHeaders
  readonly socket?: { readonly remoteAddress?: string | undefined }
}

/** The HTTP server of an app. */
export interface HttpServer {
  /**
   * The address at which the server listens, such as `http://localhost:3000`.
   *
   * @throws `missing_provider` before it listens
   */
  readonly url: string
  /**
   * Node's server, for features that Rookery does not cover.
   *
   * @throws `missing_provider` with `http({ server: false })`
   */
  readonly server: Server
  /**
   * Adds a handler for WebSocket upgrades on a path. Requests from an origin that is not allowed do not reach it.
   *
   * @returns a function that removes the handler
   * @throws `invalid_option` when another handler has the path
   */
  onUpgrade(path: string, handler: UpgradeHandler): () => void
  /**
   * Adds a handler for all requests on a path and below it: for streams, and for libraries that need Node's own
   * objects. Requests from an origin that is not allowed do not reach it. The server answers preflights and sets CORS
   * headers.
   *
   * @returns a function that removes the handler
   * @throws `invalid_option` when another handler has the path
   */
  onRequest(path: string, handler: RequestHandler): () => void
  /**
   * Adds a handler for all requests on exactly this path, from pages of any origin: for documents that everyone may
   * read, since pages of other sites link to them. Scripts of other origins can read the response only if their origin
   * is allowed.
   *
   * @returns a function that removes the handler
   * @throws `invalid_option` when another handler has the path
   */
  onPublicRequest(path: string, handler: RequestHandler): () => void
  /**
   * Whether a request comes from a page of the server's own origin or of an allowed origin, or from no page.
   *
   * @throws `handshake_timeout` if a function of `allowedOrigins` does not decide in time
   */
  allowsOrigin(request: RequestOrigin): Promise<boolean>
  /** The network address of the client that sent a request, behind trusted proxies. */
  addressOf(request: IncomingMessage): string
}

export const HttpServer = createToken<HttpServer>('HttpServer', "http() from 'rookery/http'")

/**
 * Hono's router for plugins, which comes before the user's `routes`. It is available once `http()` has started: a
 * plugin that adds routes names it in `requires` and uses it in `start`.
 */
export const HttpRoutes = createToken<Hono>('HttpRoutes', "http() from 'rookery/http'")

/**
 * Passes Node's requests and upgrades to the app, for frameworks that do not expose their server. Use it with
 * `http({ server: false })`. Both functions work without their object.
 */
export interface NodeHandler {
  /**
   * Answers a request on a path of the app. On other paths, calls `next`, or answers 404 `not_found` without `next`.
   *
   * @example expressApp.use(app.scope.get(NodeHandler).request)
   */
  readonly request: (request: IncomingMessage, response: ServerResponse, next?: () => void) => void
  /**
   * Takes an upgrade request on a path of the app.
   *
   * @returns whether the app has taken the request
   * @example server.on('upgrade', app.scope.get(NodeHandler).upgrade)
   */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean
}

export const NodeHandler = createToken<NodeHandler>('NodeHandler', "http() from 'rookery/http'")
