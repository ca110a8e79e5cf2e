import { Hono } from 'hono'
import { createApp, stopOnSignals } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'

const routes = new Hono()
  .get('/hello', (c) => c.text('hi'))
  .post('/upload', async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)))
const app = createApp({
  plugins: [http({ port: 0, hostname: '127.0.0.1', routes }), websocket(), sse(), socketio()],
  logger: 'warn',
})
app.handle('echo', (_ctx, payload) => payload)
app.handle('say', (ctx, payload) => ctx.publish('news/1', payload))
app.handle('sessions', () => app.usage.sessions)
stopOnSignals(await app.start())
// The first line: where it listens.
console.log(app.scope.get(HttpServer).url)
