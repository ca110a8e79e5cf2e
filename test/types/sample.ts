// Code of a typical application. It must compile unchanged.
import { Hono } from 'hono'
import { createApp } from 'rookery'
import { createClient } from 'rookery/client'
import { HttpServer, http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { websocket } from 'rookery/websocket'
import { z } from 'zod'
import { holds, type Same } from './support.ts'

const app = createApp({
  plugins: [
    http({ port: 3000, routes: new Hono().get('/hello', (c) => c.text('hi')) }),
    websocket(),
    rooms(),
  ],
})

app.handle('chat/send', z.object({ text: z.string().max(500) }), async (ctx, { text }) => {
  holds<Same<typeof text, string>>()
  holds<Same<typeof ctx.user.name, string>>()
  holds<Same<typeof ctx.room, string>>()
  await ctx.publish(`rooms/${ctx.room}/messages`, { from: ctx.user.name, text })
  return { sent: true }
})

app.bus.subscribe('orders/*', (event) => {
  holds<Same<typeof event.payload, unknown>>()
  holds<Same<typeof event.topics, readonly string[]>>()
})

export const serve = async () => {
  const sent = await app.send({ user: 'alice' }, 'inbox/new', { count: 3 })
  holds<Same<typeof sent, { readonly sessions: number; readonly kept: boolean }>>()
  const started = await app.start()
  holds<Same<typeof started, typeof app>>()
  const { url } = started.scope.get(HttpServer)
  holds<Same<typeof url, string>>()
  const stopped = await app.stop()
  holds<Same<typeof stopped, void>>()
}

const client = createClient({ url: 'http://localhost:3000' })

export const sub = client.subscribe('rooms/42/*', (payload, message) => {
  holds<Same<typeof payload, unknown>>()
  holds<Same<typeof message.topic, string>>()
})

export const call = async () => {
  const reply = await client.call('chat/send', { text: 'hello' })
  holds<Same<typeof reply, unknown>>()
}
