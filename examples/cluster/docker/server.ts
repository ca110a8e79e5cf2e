import { createApp, stopOnSignals } from 'rookery'
import { history } from 'rookery/history'
import { HttpServer, http } from 'rookery/http'
import { nats } from 'rookery/nats'
import { rooms } from 'rookery/rooms'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { addChat } from '../../chat/chat.ts'
import { contract } from '../../chat/contract.ts'
import { servePage } from '../../chat/serve-page.ts'

// One node of the chat, in a container behind nginx.
const app = createApp({
  contract,
  strict: true,
  allowAnonymous: true,
  // Longer than nginx takes to notice that a node has stopped.
  drainDelay: '2s',
  plugins: [
    http({
      port: Number(process.env.PORT ?? 3000),
      routes: await servePage(),
      // The network of the containers has private addresses. Only nginx has a port outside of it.
      trustProxy: ['loopback', 'uniquelocal'],
    }),
    websocket(),
    sse(),
    rooms(),
    history({ topics: ['rooms/:room/messages'] }),
    nats({ servers: process.env.NATS_URL ?? 'nats://127.0.0.1:4222' }),
  ],
})

addChat(app)
await app.start()
stopOnSignals(app)
console.log(`listening: ${app.scope.get(HttpServer).url}`)
