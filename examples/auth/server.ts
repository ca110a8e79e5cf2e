import { Hono } from 'hono'
import { generateKeyPair } from 'jose'
import { createApp, stopOnSignals } from 'rookery'
import { auth } from 'rookery/auth'
import { HttpServer, http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { servePage } from '../chat/serve-page.ts'
import { contract } from './contract.ts'
import { addHandlers } from './handlers.ts'
import { loginRoutes } from './routes.ts'

// The private key signs access tokens for any user, so only the login routes get it. auth() needs the public key
// only. The demo creates new keys at each start, so that there is nothing to set up.
const { privateKey, publicKey } = await generateKeyPair('EdDSA')
const audience = 'rookery-auth-example'

const routes = new Hono()
const app = createApp({
  contract,
  strict: true,
  logger: 'warn',
  plugins: [
    http({ port: Number(process.env.PORT ?? 3000), routes }),
    websocket(),
    sse(),
    auth({
      jwt: { publicKey, audience },
      maxTokenAge: '1h',
      rules: {
        subscribe: { 'users/:id/*': ({ user, params }) => params.id === user.id },
        join: { lobby: true },
      },
    }),
    rooms(),
  ],
})

addHandlers(app)
// Short, so that you can watch the token being refreshed. 5 to 15 minutes are usual.
const lifetimeSeconds = Number(process.env.TOKEN_SECONDS ?? 60)
routes.route('/', loginRoutes(app, { key: privateKey, audience, lifetimeSeconds }))
routes.route('/', await servePage(new URL('page/', import.meta.url)))

await app.start()
stopOnSignals(app)
console.log(`The example runs at ${app.scope.get(HttpServer).url}`)
