import { createServer } from 'node:http'
import { createApp } from 'rookery'
import { http } from 'rookery/http'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { expressRoutes } from '../routes.mjs'
import { listen, serve } from '../serve.mjs'

serve(async () => {
  const server = createServer(expressRoutes())
  const app = createApp({ plugins: [http({ server }), websocket(), sse()], logger: 'error' })
  await app.start()
  return await listen(server)
})
