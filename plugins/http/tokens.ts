import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Hono } from 'hono'
import { createToken } from '../../core/scope.ts'

/** Takes over a connection that asked for an upgrade on the handler's path. `url` is the parsed request target. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer, url: URL) => void

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
  /** Whether a request comes from an allowed origin, or from no browser at all. */
  allowsOrigin(request: IncomingMessage): boolean
}

export const HttpServer = createToken<HttpServer>('HttpServer', "http() from 'rookery/http'")

/** Hono's router, asked before the `routes` of the user. */
export const HttpRoutes = createToken<Hono>('HttpRoutes', "http() from 'rookery/http'")
