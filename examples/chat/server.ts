import { createApp, stopOnSignals } from 'rookery'
import { history } from 'rookery/history'
import { HttpServer, http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { addChat } from './chat.ts'
import { contract } from './contract.ts'
import { servePage } from './serve-page.ts'

const app = createApp({
  contract,
  strict: true,
  // Everybody may chat. See examples/auth for a login.
  allowAnonymous: true,
  logger: 'warn',
  plugins: [
    http({ port: Number(process.env.PORT ?? 3000), routes: await servePage() }),
    websocket(),
    // For networks that block WebSockets, and for Socket.IO clients.
    sse(),
    socketio(),
    // Reads the name and the room from `?username=ada&roomID=lobby`. The server does not verify names: an app with
    // accounts adds an auth plugin.
    rooms(),
    // New members get the latest messages, and pages that were offline get what they missed.
    history({ topics: ['rooms/:room/messages'] }),
  ],
})

addChat(app)
await app.start()
stopOnSignals(app)
console.log(`The chat is open: ${app.scope.get(HttpServer).url}`)
