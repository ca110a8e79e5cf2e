import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Hono } from 'hono'
import { createToken } from '../../core/scope.ts'

/**
 * Takes over a connection that asked for an upgrade on the handler's path, now or later. `url` is the parsed request
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

/** The HTTP server of an app. */
export interface HttpServer {
  /** Where it really listens, such as `http://localhost:3000`. @throws `missing_provider` before it listens */
  readonly url: string
  /** Node's own server, for what Rookery does not cover. */
  readonly server: Server
  /**
   * Takes upgrade requests on a path. Requests from an origin that is not allowed never get there.
   *
   * @returns how to take it back
   */
  onUpgrade(path: string, handler: UpgradeHandler): () => void
  /**
   * Takes all requests on a path and below it, past Hono: for streams, and for libraries that want Node's own
   * objects. Requests from an origin that is not allowed never get there; CORS headers are set. Add before `listen`.
   *
   * @returns how to take it back
   */
  onRequest(path: string, handler: RequestHandler): () => void
  /** Whether a request comes from an allowed origin, or from no browser at all. */
  allowsOrigin(request: IncomingMessage): boolean
  /** The network address of whoever sent a request, behind the proxies that are trusted. */
  addressOf(request: IncomingMessage): string
}

export const HttpServer = createToken<HttpServer>('HttpServer', "http() from 'rookery/http'")

/** Hono's router, asked before the `routes` of the user. */
export const HttpRoutes = createToken<Hono>('HttpRoutes', "http() from 'rookery/http'")
