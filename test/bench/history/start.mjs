import { createApp } from 'rookery'
import { history } from 'rookery/history'
import { HttpServer, http } from 'rookery/http'
import { nats } from 'rookery/nats'
import { websocket } from 'rookery/websocket'

/**
 * @typedef {object} AppOptions
 * @property {readonly string[]} [keeps] patterns of the topics that the app keeps. Without it, the app has no history
 * @property {string} [servers] of NATS. Without it, the app is alone, and its history is in memory
 *
 * Starts an app for WebSocket clients. Resolves with the app and its port.
 *
 * @param {AppOptions} options
 */
export const startApp = async ({ keeps, servers }) => {
  const plugins = [http({ port: 0, hostname: '127.0.0.1' }), websocket()]
  if (servers) plugins.push(nats({ servers }))
  if (keeps) plugins.push(history({ topics: keeps }))
  const app = createApp({
    plugins,
    logger: 'error',
    // The bare clients cannot answer pings.
    pingInterval: '1h',
    // All clients connect at once, and from one address.
    limits: { handshakeBurst: 50_000 },
  })
  await app.start()
  return { app, port: Number(new URL(app.scope.get(HttpServer).url).port) }
}
