import { setTimeout as delay } from 'node:timers/promises'
import type { App } from 'rookery'
import type { ChatContract } from '../contract.ts'

/** What the bot writes while a page is cut off, and the milliseconds before each line. */
const LINES = [
  'You are offline now.',
  'Your page will get these lines when it is back.',
  'In order, and once.',
]
const LINE_INTERVAL_MS = 1000

/** Adds the calls of the panel to an app: one to measure the round trip, and a bot that writes while the page is away. */
export const addTour = (app: App<ChatContract>): void => {
  app.handle('tour/ping', () => {})

  app.handle('tour/away', { rate: { limit: 5, window: '10s' } }, (ctx) => {
    // The page cuts its connection when it has the reply.
    writeLines(app, ctx.room as string).catch((error: unknown) => console.error(error))
  })
}

const writeLines = async (app: App<ChatContract>, room: string): Promise<void> => {
  for (const text of LINES) {
    await delay(LINE_INTERVAL_MS)
    const message = { id: crypto.randomUUID(), from: 'the bot', text, at: Date.now() }
    await app.publish(`rooms/${room}/messages`, message)
  }
}
