import { createApp, stopOnSignals } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { z } from 'zod'
import { type ChatMessage, MAX_TEXT } from './messages.ts'
import { servePage } from './serve-page.ts'

const app = createApp({
  logger: 'warn',
  plugins: [
    http({ port: Number(process.env.PORT ?? 3000), routes: await servePage() }),
    websocket(),
    // For pages whose network lets no WebSocket through, and for whoever has a Socket.IO client.
    sse(),
    socketio(),
    // Gives `?username=ada&roomID=lobby` its meaning: who it is and which room. Names are taken on trust;
    // an app with accounts adds an auth plugin.
    rooms(),
  ],
})

/** How many messages those who join a room are shown. */
const RECENT = 50
const recent = new Map<string, readonly ChatMessage[]>()

const Draft = z.object({
  id: z.string().regex(/^[\w-]{16,64}$/),
  text: z.string().trim().min(1).max(MAX_TEXT),
})

app.handle('chat/send', Draft, async (ctx, { id, text }) => {
  const messages = recent.get(ctx.room) ?? []
  // A page that lost its connection before the answer came sends again.
  const known = messages.find((message) => message.id === id)
  if (known) return known
  const message: ChatMessage = { id, from: ctx.user.name, text, at: Date.now() }
  recent.set(ctx.room, [...messages, message].slice(-RECENT))
  await ctx.publish(`rooms/${ctx.room}/messages`, message)
  return message
})

app.handle('chat/recent', (ctx) => recent.get(ctx.room) ?? [])

app.handle('chat/typing', (ctx) => ctx.broadcast(`rooms/${ctx.room}/typing`, { from: ctx.user.name }))

// A room ends when its last member has left: its messages go too.
app.bus.subscribe<{ room: string }>('rooms/*/ended', ({ payload }) => recent.delete(payload.room))

await app.start()
stopOnSignals(app)
console.log(`The chat is open: ${app.scope.get(HttpServer).url}`)
