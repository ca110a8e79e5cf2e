import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { stopOnSignals } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { createChat } from './chat.ts'

const isDevelopment = process.env.NODE_ENV === 'development'

// Your own routes go here. In development, Vite serves the page. Otherwise it is in dist/, from `npm run build`.
const routes = new Hono()
if (!isDevelopment) routes.use(serveStatic({ root: './dist' }))

const app = createChat([
  http({ port: Number(process.env.PORT ?? 3000), routes }),
  websocket(),
  // For networks that block WebSockets. The client changes to server-sent events by itself.
  sse(),
])

await app.start()
stopOnSignals(app)
if (!isDevelopment) console.log(`The app is open: ${app.scope.get(HttpServer).url}`)
