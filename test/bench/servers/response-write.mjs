import { once } from 'node:events'
import { createServer } from 'node:http'
import { TOPIC } from '../message.mjs'
import { serve } from '../publisher.mjs'

/** @type {Set<import('node:http').ServerResponse>} */
const responses = new Set()
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(': hello\n\n')
  responses.add(response)
  response.on('close', () => responses.delete(response))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())

serve({
  port,
  publish(payload) {
    const event = `data: ${JSON.stringify({ topic: TOPIC, payload })}\n\n`
    for (const response of responses) response.write(event)
  },
})
