import type { App } from 'rookery'
import type { ChatContract } from './contract.ts'

/** Adds the chat to an app with the plugins `rooms` and `history`. The app may run on several nodes. */
export const addChat = (app: App<ChatContract>): void => {
  app.handle('chat/send', async (ctx, { id, text }) => {
    const message = { id, from: ctx.user.name, text, at: Date.now() }
    // A page that lost its connection before the reply sends the message again. With the same id, it is stored once.
    await ctx.publish(`rooms/${ctx.room}/messages`, message, { id })
  })

  app.handle('chat/typing', (ctx) => ctx.broadcast(`rooms/${ctx.room}/typing`, { from: ctx.user.name }))
}
