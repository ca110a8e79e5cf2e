import { createApp, stopOnSignals } from 'rookery'
import { history } from 'rookery/history'
import { HttpServer, http } from 'rookery/http'
import { nats } from 'rookery/nats'
import { rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { addChat } from '../chat/chat.ts'
import { contract } from '../chat/contract.ts'
import { servePage } from '../chat/serve-page.ts'
import { tourRoutes } from '../chat/tour/routes.ts'
import { addTour } from '../chat/tour/tour.ts'

const routes = await servePage()
const source = new URL('../chat/chat.ts', import.meta.url)
routes.route('/tour', await tourRoutes({ source, hasNodes: true }))

// One node: the server of the chat example with the NATS plugin.
const app = createApp({
  contract,
  strict: true,
  allowAnonymous: true,
  logger: 'warn',
  plugins: [
    http({ port: Number(process.env.PORT ?? 0), hostname: '127.0.0.1', routes }),
    websocket(),
    sse(),
    socketio(),
    rooms(),
    // In JetStream, for all nodes. A restart of the nodes loses nothing.
    history({ topics: ['rooms/:room/messages'] }),
    nats({ servers: process.env.NATS_URL ?? 'nats://127.0.0.1:4222' }),
  ],
})

addChat(app)
addTour(app)

// Logs which node handles a message.
const { cluster } = app
app.use('chat/send', (ctx, next) => {
  console.log(`node ${cluster.node}: ${ctx.session.user?.name} writes, over ${ctx.session.transport}`)
  return next()
})
cluster.onChange((node, change) => console.log(`node ${cluster.node}: node ${node} has ${change}`))

await app.start()
stopOnSignals(app)
console.log(`listening: ${app.scope.get(HttpServer).url} ${cluster.node}`)
