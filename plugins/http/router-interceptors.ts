import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { RookeryError } from '../../core/protocol/errors.ts'
import { intercept } from './event-interceptors.ts'
import type { PathRouter } from './path-router.ts'
import { pathOf } from './request-target.ts'
import { sendError } from './responses.ts'
import { asksForProtocol, closeUnlessAnswered, handleWithoutUpgrade } from './upgrade-requests.ts'

/**
 * Passes the requests on the router's paths to the router, before the other listeners of the server get them.
 *
 * @param routes answers the other requests when the server has no other listener; without it, the answer is
 * `not_found`
 * @returns a function that removes the interceptor
 */
export const interceptRequests = (
  server: Server,
  router: PathRouter,
  routes: RequestListener | undefined,
): (() => void) =>
  intercept(server, 'request', {
    takes: ({ url }) => router.takes(pathOf(url)),
    handle: (request: IncomingMessage, response: ServerResponse) => router.request(request, response),
    handleLast: (request: IncomingMessage, response: ServerResponse) => {
      if (routes) routes(request, response)
      else sendError(response, new RookeryError('not_found'))
    },
  })

/**
 * Passes the upgrades on the router's paths to the router, before the other listeners of the server get them. An
 * upgrade without a handler becomes an ordinary request, and so does an upgrade to `h2c`, with which a client only
 * says that it prefers HTTP/2.
 *
 * @returns a function that removes the interceptor
 */
export const interceptUpgrades = (server: Server, router: PathRouter): (() => void) =>
  intercept(server, 'upgrade', {
    takes: (request) => asksForProtocol(request, 'h2c') || router.takes(pathOf(request.url)),
    handle: (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (!router.upgrade(request, socket, head)) handleWithoutUpgrade(server, request, socket, head)
    },
    handleLast: (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      handleWithoutUpgrade(server, request, socket, head),
    pass: (_request: IncomingMessage, socket: Duplex) => closeUnlessAnswered(socket),
  })
