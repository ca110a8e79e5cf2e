import { AppToken } from '../../core/app/app.ts'
import { ErrorReports } from '../../core/app/error-hook.ts'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import { Limits } from '../../core/sessions/limits.ts'
import { Logger } from '../../core/util/logger.ts'
import { HttpService } from './http-service.ts'
import { type HttpOptions, readHttpOptions } from './options.ts'
import { HttpRoutes, HttpServer, NodeHandler } from './tokens.ts'

/**
 * Adds HTTP to an app, for the transports and plugins that need it: a built-in server with Hono's router, or your own
 * server.
 *
 * @throws `invalid_option`
 * @example http({ port: 3000, routes: new Hono().get('/hello', (c) => c.text('hi')) })
 * @example http({ server }) // your server of node:http, as of Express, Fastify, Nest or Koa
 */
export const http = (options: HttpOptions = {}): Plugin => {
  const settings = readHttpOptions(options)
  let service: HttpService | undefined
  return definePlugin({
    name: 'http',
    setup(scope) {
      const open = () => {
        service ??= new HttpService(
          settings,
          scope.get(AppToken),
          scope.get(Limits),
          scope.get(Logger),
          scope.get(ErrorReports),
        )
        return service
      }
      scope.provide(HttpServer, open)
      scope.provide(NodeHandler, () => open().handler)
      scope.provide(HttpRoutes, () => open().routes)
    },
    async start(scope) {
      scope.get(HttpServer)
      await service?.start(scope.isRequired(HttpRoutes))
    },
    listen: () => service?.listen(),
    stop: () => service?.close(),
  })
}
