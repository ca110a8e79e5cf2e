import { createApp, stopOnSignals } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { addChat } from './chat.ts'
import { servePage } from './serve-page.ts'

const app = createApp({
  logger: 'warn',
  plugins: [
    http({ port: Number(process.env.PORT ?? 3000), routes: await servePage() }),
    websocket(),
    // For pages whose network lets no WebSocket through, and for whoever has a Socket.IO client.
    sse(),
    socketio(),
    // Gives `?username=ada&roomID=lobby` its meaning: who it is and which room. Names are taken on trust;
    // an app with accounts adds an auth plugin.
    rooms(),
  ],
})

addChat(app)
await app.start()
stopOnSignals(app)
console.log(`The chat is open: ${app.scope.get(HttpServer).url}`)
