import { setTimeout as delay } from 'node:timers/promises'
import { createApp, stopOnSignals } from 'rookery'
import { createMemoryStore, history } from 'rookery/history'
import { HttpServer, http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { addChat } from './chat.ts'
import { contract } from './contract.ts'
import { servePage } from './serve-page.ts'
import { tourRoutes } from './tour/routes.ts'
import { runSlowReader } from './tour/slow-reader.ts'
import { addTour } from './tour/tour.ts'

/** How long the server is away when the tour restarts it, in milliseconds. */
const RESTART_MS = 3000

/** The messages outlive a restart by the tour. */
const store = createMemoryStore()

const routes = await servePage()
routes.route(
  '/tour',
  await tourRoutes({
    source: new URL('chat.ts', import.meta.url),
    restart,
    slowReader: () => runSlowReader(app, urlOf(app)),
  }),
)

const createChat = (port: number) => {
  const chat = createApp({
    contract,
    strict: true,
    // Everybody may chat. See examples/auth for a login.
    allowAnonymous: true,
    logger: 'warn',
    slowConsumer: 'resume',
    plugins: [
      http({ port, routes }),
      websocket(),
      // For networks that block WebSockets, and for Socket.IO clients.
      sse(),
      socketio(),
      // Reads the name and the room from `?username=ada&roomID=lobby`. The server does not verify names: an app with
      // accounts adds an auth plugin.
      rooms(),
      // New members get the latest messages, and pages that were offline get what they missed.
      history({ topics: ['rooms/:room/messages', 'tour/flood'], store }),
    ],
  })
  addChat(chat)
  addTour(chat)
  return chat
}

const urlOf = (chat: ReturnType<typeof createChat>): string => chat.scope.get(HttpServer).url

let app = createChat(Number(process.env.PORT ?? 3000))

async function restart(): Promise<void> {
  const { port } = new URL(urlOf(app))
  await app.stop()
  await delay(RESTART_MS)
  app = createChat(Number(port))
  await app.start()
}

await app.start()
stopOnSignals({ stop: () => app.stop() })
console.log(`The chat is open: ${urlOf(app)}`)
