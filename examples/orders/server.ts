import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp } from 'rookery'
import { auth } from 'rookery/auth'
import { history } from 'rookery/history'
import { http } from 'rookery/http'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { contract } from './contract.ts'
import { addOrders } from './orders.ts'
import { builtPage, developmentPage } from './page-server.ts'
import { answerToken, jwt } from './tokens.ts'

const server = createServer()

const app = createApp({
  contract,
  strict: true,
  logger: 'warn',
  plugins: [
    http({ server }),
    websocket(),
    sse(),
    auth({
      jwt,
      user: ({ sub, name, role }) => ({ id: String(sub), name: String(name), role }),
      rules: {
        subscribe: {
          'orders/*': ({ user }) => user.role === 'staff',
          'orders/:customer/*': ({ user, params }) => params.customer === user.id,
          'shop/state': true,
        },
        send: {
          'orders/list': true,
          'orders/place': ({ user }) => user.role === 'customer',
          'orders/advance': ({ user }) => user.role === 'staff',
          'shop/get': true,
          'shop/set': ({ user }) => user.role === 'staff',
        },
      },
    }),
    // A page that was offline gets the changes that it missed.
    history({ topics: ['orders/:customer/changed'] }),
  ],
})

addOrders(app)

const page = process.env.NODE_ENV === 'production' ? await builtPage() : await developmentPage(server)
server.on('request', (request, response) => {
  if (request.url?.startsWith('/token')) answerToken(request, response)
  else page.answer(request, response)
})

await app.start()
server.listen(Number(process.env.PORT ?? 3000))
await once(server, 'listening')
console.log(`The shop is open: http://localhost:${(server.address() as AddressInfo).port}`)

const stop = async (): Promise<void> => {
  await app.stop()
  await page.close()
  server.close()
  server.closeAllConnections()
}
process.once('SIGINT', () => void stop()).once('SIGTERM', () => void stop())
