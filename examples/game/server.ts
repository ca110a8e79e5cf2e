import { type App, createApp } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { websocket } from 'rookery/websocket'
import { contract, type GameContract } from './contract.ts'
import { addGame, type Game } from './game.ts'
import { startLoop } from './loop.ts'

/** Ticks for each second. */
export const TICK_RATE = 30

/** Creates the app without its loop. @param port 0 selects a free port */
export const createGameApp = (port: number): { app: App<GameContract>; game: Game } => {
  const app = createApp({
    contract,
    strict: true,
    // Everybody may play.
    allowAnonymous: true,
    // The contract checks each frame in development, which costs the time of the schema 30 times a second.
    validateOutput: false,
    logger: 'error',
    // A client that reads too slowly gets no more frames until it has read those that wait. A late frame is of no use.
    slowConsumer: 'drop',
    limits: { maxBuffered: 64 * 1024 },
    plugins: [http({ port }), websocket()],
  })
  return { app, game: addGame(app) }
}

/** Starts the game. */
export const startServer = async (port: number): Promise<{ url: string; stop(): Promise<void> }> => {
  const { app, game } = createGameApp(port)
  await app.start()
  const stopLoop = startLoop(TICK_RATE, game.step)
  return {
    url: app.scope.get(HttpServer).url,
    stop: async () => {
      stopLoop()
      await app.stop()
    },
  }
}
