import { AppToken } from '../../core/app/app.ts'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import { Limits } from '../../core/sessions/limits.ts'
import { Logger } from '../../core/util/logger.ts'
import { type HttpOptions, readHttpOptions } from './options.ts'
import { HttpRoutes, HttpServer, NodeHandler } from './tokens.ts'
import { WebServer } from './web-server.ts'

/**
 * HTTP for an app: a server of its own with Hono's router, or a guest on a server of the user's, shared by the transports
 * that need it.
 *
 * @throws `invalid_option`
 * @example http({ port: 3000, routes: new Hono().get('/hello', (c) => c.text('hi')) })
 * @example http({ server }) // a server of node:http, as Express, Fastify, Nest and Koa have one
 */
export const http = (options: HttpOptions = {}): Plugin => {
  const settings = readHttpOptions(options)
  let web: WebServer | undefined
  return definePlugin({
    name: 'http',
    setup(scope) {
      const open = () => {
        web ??= new WebServer(settings, scope.get(AppToken), scope.get(Limits), scope.get(Logger))
        return web
      }
      scope.provide(HttpServer, open)
      scope.provide(NodeHandler, () => open().handler)
      scope.provide(HttpRoutes, () => open().routes)
    },
    async start(scope) {
      scope.get(HttpServer)
      await web?.start(scope.isRequired(HttpRoutes))
    },
    listen: () => web?.listen(),
    stop: () => web?.close(),
  })
}
