import { createApp } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { honoRoutes } from '../routes.mjs'
import { serve } from '../serve.mjs'

serve(async ({ bodyLimit }) => {
  const routes = honoRoutes()
  const app = createApp({
    plugins: [http({ port: 0, hostname: '127.0.0.1', routes, bodyLimit }), websocket(), sse()],
    logger: 'error',
  })
  await app.start()
  return Number(new URL(app.scope.get(HttpServer).url).port)
})
