import { createApp } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { TOPIC } from '../message.mjs'
import { serve } from '../publisher.mjs'

const app = createApp({
  plugins: [http({ port: 0, hostname: '127.0.0.1' }), websocket(), socketio(), sse({ heartbeat: '1h' })],
  logger: 'error',
  // The clients cannot answer pings, and the `ws` loop sends none either.
  pingInterval: '1h',
  // All clients connect at once, and from one address.
  limits: { handshakeBurst: 50_000 },
})
await app.start()

serve({
  port: Number(new URL(app.scope.get(HttpServer).url).port),
  publish: (payload) => void app.publish(TOPIC, payload),
})
