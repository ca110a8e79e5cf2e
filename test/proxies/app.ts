/** The app behind the proxies. Prints `listening` when it serves, and ends after SIGTERM. */
import { Hono } from 'hono'
import { createApp, stopOnSignals } from 'rookery'
import { http } from 'rookery/http'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'

const { PORT = '', KEEP_ALIVE, DRAIN_DELAY = '2s' } = process.env

const routes = new Hono()
routes.get('/hello', (c) => c.text(PORT))
routes.post('/notes', async (c) => c.text(`${PORT} ${(await c.req.text()).length}`))

const app = createApp({
  drainDelay: DRAIN_DELAY as '2s',
  plugins: [
    http({
      port: Number(PORT),
      hostname: '127.0.0.1',
      routes,
      // Not `loopback`: the clients of the tests are at 127.0.0.2.
      trustProxy: ['127.0.0.1'],
      ...(KEEP_ALIVE !== undefined && { keepAliveTimeout: Number(KEEP_ALIVE) }),
    }),
    websocket(),
    sse(),
    socketio(),
  ],
})
app.handle('echo', (_ctx, payload) => payload)
app.handle('where', (ctx) => ({ port: Number(PORT), address: ctx.session.address }))
app.handle('publish', (_ctx, payload) => app.publish('news/1', payload))

stopOnSignals(await app.start())
console.log('listening')
