import { once } from 'node:events'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { TOPIC } from '../message.mjs'
import { serve } from '../publisher.mjs'

/** @type {Set<import('hono/streaming').SSEStreamingApi>} */
const streams = new Set()
const app = new Hono().get('/', (c) =>
  streamSSE(c, async (stream) => {
    await stream.writeSSE({ data: 'hello' })
    streams.add(stream)
    await new Promise((resolve) => stream.onAbort(() => resolve(undefined)))
    streams.delete(stream)
  }),
)
const server = createAdaptorServer({ fetch: app.fetch })
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())

serve({
  port,
  publish(payload) {
    const data = JSON.stringify({ topic: TOPIC, payload })
    for (const stream of streams) void stream.writeSSE({ data })
  },
})
