import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { RookeryError } from '../../core/protocol/errors.ts'
import { intercept } from './event-interceptors.ts'
import { pathOf } from './path-map.ts'
import type { NodeRouter } from './path-router.ts'
import { answerError } from './responses.ts'
import { asksFor, closeUnlessAnswered, handleAsOrdinary } from './upgrade-requests.ts'

/**
 * Answers the requests that are the app's, before the other listeners of a server.
 *
 * @param routes answers all others where the server has no other listeners: they must not be left without an answer
 * @returns how to take it back
 */
export const interceptRequests = (
  server: Server,
  router: NodeRouter,
  routes: RequestListener | undefined,
): (() => void) =>
  intercept(server, 'request', {
    takes: ({ url }) => router.takes(pathOf(url)),
    handle: (request: IncomingMessage, response: ServerResponse) => router.request(request, response),
    handleLast: (request: IncomingMessage, response: ServerResponse) => {
      if (routes) routes(request, response)
      else answerError(response, new RookeryError('not_found'))
    },
  })

/**
 * Takes the upgrades that are the app's, before the other listeners of a server. An upgrade that nobody takes is an ordinary
 * request, and so is one to `h2c`, by which a client only says that it would rather have HTTP/2.
 *
 * @returns how to take it back
 */
export const interceptUpgrades = (server: Server, router: NodeRouter): (() => void) =>
  intercept(server, 'upgrade', {
    takes: (request) => asksFor(request, 'h2c') || router.takes(pathOf(request.url)),
    handle: (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (!router.upgrade(request, socket, head)) handleAsOrdinary(server, request, socket, head)
    },
    handleLast: (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      handleAsOrdinary(server, request, socket, head),
    pass: (_request: IncomingMessage, socket: Duplex) => closeUnlessAnswered(socket),
  })
