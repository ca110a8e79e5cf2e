import { createApp, type Plugin } from 'rookery'
import { history } from 'rookery/history'
import { contract } from './contract.ts'

/** Creates the app without its transports, so that tests need no ports. The server adds the transports as plugins. */
export const createChat = (transports: readonly Plugin[] = []) => {
  const app = createApp({
    contract,
    // Refuses calls and topics that are not in the contract.
    strict: true,
    // Everybody may read and write. The plugin auth() adds users and rules.
    allowAnonymous: true,
    logger: 'warn',
    plugins: [
      // Keeps messages: a new page shows the latest, and a page that was offline gets what it missed.
      history({ topics: ['chat/messages'] }),
      ...transports,
    ],
  })

  app.handle('chat/send', async (ctx, draft) => {
    await ctx.publish('chat/messages', { ...draft, at: Date.now() })
  })

  return app
}
