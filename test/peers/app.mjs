/** Loads every plugin and connects to an app by every transport. `run.mjs` starts it beside the oldest peers. */
import { Hono } from 'hono'
import { SignJWT } from 'jose'
import { createApp } from 'rookery'
import { auth } from 'rookery/auth'
import { createClient, sse as sseTransport, websocket as webSocketTransport } from 'rookery/client'
import { socketio as socketIoTransport } from 'rookery/client/socketio'
import { di } from 'rookery/di'
import { HttpServer, http } from 'rookery/http'
import { nats } from 'rookery/nats'
import { rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { WebSocket } from 'ws'

const secret = 'a secret of at least thirty-two bytes'
const token = await new SignJWT({ sub: 'ada' })
  .setProtectedHeader({ alg: 'HS256' })
  .setExpirationTime('1h')
  .sign(new TextEncoder().encode(secret))

nats({ servers: 'nats://localhost:4222' })
// The plugin loads the other packages of NATS when it starts.
await Promise.all([import('@nats-io/jetstream'), import('@nats-io/kv')])

const routes = new Hono().get('/hello', (c) => c.text('hello'))
const plugins = [
  http({ port: 0, hostname: '127.0.0.1', routes }),
  websocket(),
  sse(),
  socketio(),
  auth({ jwt: { secret } }),
  rooms(),
  di({ providers: [] }),
]
const app = createApp({ plugins, logger: 'silent' })
app.handle('echo', (ctx, payload) => ({ name: ctx.user.name, payload }))
await app.start()
const { url } = app.scope.get(HttpServer)
console.log('http', await (await fetch(`${url}/hello`)).text())

for (const transport of [webSocketTransport({ WebSocket }), sseTransport(), socketIoTransport()]) {
  const client = createClient({ url, token, transports: [transport] })
  const message = new Promise((resolve) => client.subscribe('news/*', resolve))
  const reply = await client.call('echo', 'hello')
  await app.publish('news/today', 'a message')
  console.log(transport.name, JSON.stringify(reply), await message)
  await client.close()
}
await app.stop()
