import { createServer } from 'node:http'
import { createApp } from 'rookery'
import { http } from 'rookery/http'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { expressRoutes } from '../routes.mjs'
import { listen, serve } from '../serve.mjs'

serve(async () => {
  const plugins = [http({ port: 0, hostname: '127.0.0.1' }), websocket(), sse()]
  await createApp({ plugins, logger: 'error' }).start()
  return await listen(createServer(expressRoutes()))
})
