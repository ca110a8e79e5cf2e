import type { App } from 'rookery'
import type { ChatContract, ChatMessage } from './contract.ts'

/** Latest messages that the server keeps of a room. A new member gets them. */
const MAX_MESSAGES = 50
/** Rooms whose messages the server keeps: the ones with the latest messages. */
const MAX_ROOMS = 1000

/** The latest messages of the rooms with the latest messages. */
class RecentMessages {
  readonly #rooms = new Map<string, ChatMessage[]>()

  of(room: string): ChatMessage[] {
    return this.#rooms.get(room) ?? []
  }

  forget(room: string): void {
    this.#rooms.delete(room)
  }

  add(room: string, message: ChatMessage): void {
    const messages = [...this.of(room), message].slice(-MAX_MESSAGES)
    this.#rooms.delete(room)
    this.#rooms.set(room, messages)
    const [oldest] = this.#rooms.keys()
    if (this.#rooms.size > MAX_ROOMS) this.#rooms.delete(oldest as string)
  }
}

/** Adds the chat to an app with the rooms plugin. The app may run on several nodes. */
export const addChat = (app: App<ChatContract>): void => {
  const recent = new RecentMessages()

  app.handle('chat/send', async (ctx, { id, text }) => {
    // A page that lost its connection before the reply sends the message again, perhaps to another node.
    const known = recent.of(ctx.room).find((message) => message.id === id)
    if (known) return known
    const message: ChatMessage = { id, from: ctx.user.name, text, at: Date.now() }
    await ctx.publish(`rooms/${ctx.room}/messages`, message)
    return message
  })

  app.handle('chat/recent', (ctx) => recent.of(ctx.room))

  app.handle('chat/typing', (ctx) => ctx.broadcast(`rooms/${ctx.room}/typing`, { from: ctx.user.name }))

  // Messages of other nodes, too: a member who joins on this node later gets them.
  app.bus.subscribe(
    'rooms/*/messages',
    ({ topics, payload }) => recent.add((topics[0] as string).split('/')[1] as string, payload),
    { source: 'all' },
  )
  // A room ends when its last member has left. Then the server forgets its messages.
  app.bus.subscribe<{ room: string }>('rooms/*/ended', ({ payload }) => recent.forget(payload.room), {
    source: 'all',
  })
}
