import { once } from 'node:events'
import { createServer } from 'node:http'
import { createChannel, createSession } from 'better-sse'
import { TOPIC } from '../message.mjs'
import { serve } from '../publisher.mjs'

const channel = createChannel()
const server = createServer(async (request, response) => {
  const session = await createSession(request, response, { keepAlive: null })
  session.push('hello')
  channel.register(session)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())

serve({ port, publish: (payload) => void channel.broadcast({ topic: TOPIC, payload }) })
