import { once } from 'node:events'
import { WebSocket, WebSocketServer } from 'ws'
import { TOPIC } from '../message.mjs'
import { serve } from '../publisher.mjs'

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
await once(server, 'listening')
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())

serve({
  port,
  publish(payload) {
    const text = JSON.stringify({ topic: TOPIC, payload })
    for (const client of server.clients) if (client.readyState === WebSocket.OPEN) client.send(text)
  },
})
