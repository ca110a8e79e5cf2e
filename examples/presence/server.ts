import { createApp, stopOnSignals } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { servePage } from '../chat/serve-page.ts'
import { contract } from './contract.ts'
import { addPresence } from './presence.ts'

const app = createApp({
  contract,
  strict: true,
  // Everybody may enter. See examples/auth for a login.
  allowAnonymous: true,
  logger: 'warn',
  plugins: [
    http({
      port: Number(process.env.PORT ?? 3000),
      routes: await servePage(new URL('page/', import.meta.url)),
    }),
    websocket(),
    sse(),
    // Reads the name from `?username=ada`. Members need no announcement: all pages get the presence of all rooms.
    rooms({ announce: false }),
  ],
})

addPresence(app)
await app.start()
stopOnSignals(app)
console.log(`The house is open: ${app.scope.get(HttpServer).url}`)
