import type { App } from 'rookery'
import { z } from 'zod'
import { type ChatMessage, MAX_TEXT } from './messages.ts'

/** How many messages those who join a room are shown. */
const RECENT = 50
/** How many rooms messages are kept of: those that were written in last. */
const ROOMS = 1000

const Draft = z.object({
  id: z.string().regex(/^[\w-]{16,64}$/),
  text: z.string().trim().min(1).max(MAX_TEXT),
})

/** The latest messages of the rooms that were written in last. */
class Recent {
  readonly #rooms = new Map<string, readonly ChatMessage[]>()

  of(room: string): readonly ChatMessage[] {
    return this.#rooms.get(room) ?? []
  }

  forget(room: string): void {
    this.#rooms.delete(room)
  }

  add(room: string, message: ChatMessage): void {
    const messages = [...this.of(room), message].slice(-RECENT)
    this.#rooms.delete(room)
    this.#rooms.set(room, messages)
    const [oldest] = this.#rooms.keys()
    if (this.#rooms.size > ROOMS) this.#rooms.delete(oldest as string)
  }
}

/** Makes a chat of an app that has rooms, on however many nodes it runs. */
export const addChat = (app: App): void => {
  const recent = new Recent()

  app.handle('chat/send', Draft, async (ctx, { id, text }) => {
    // A page that lost its connection before the answer came sends again, and maybe to another node.
    const known = recent.of(ctx.room).find((message) => message.id === id)
    if (known) return known
    const message: ChatMessage = { id, from: ctx.user.name, text, at: Date.now() }
    await ctx.publish(`rooms/${ctx.room}/messages`, message)
    return message
  })

  app.handle('chat/recent', (ctx) => recent.of(ctx.room))

  app.handle('chat/typing', (ctx) => ctx.broadcast(`rooms/${ctx.room}/typing`, { from: ctx.user.name }))

  // What is written on other nodes, too: whoever joins here later wants to see it.
  app.bus.subscribe<ChatMessage>(
    'rooms/*/messages',
    ({ topics, payload }) => recent.add((topics[0] as string).split('/')[1] as string, payload),
    { scope: 'all' },
  )
  // A room ends when its last member has left: its messages go too.
  app.bus.subscribe<{ room: string }>('rooms/*/ended', ({ payload }) => recent.forget(payload.room), {
    scope: 'all',
  })
}
