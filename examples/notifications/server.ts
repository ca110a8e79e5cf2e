import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createApp } from 'rookery'
import { auth } from 'rookery/auth'
import { history } from 'rookery/history'
import { http } from 'rookery/http'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { contract } from './contract.ts'
import { addRoutes, jwt } from './routes.ts'

export interface RunningServer {
  readonly url: string
  stop(): Promise<void>
}

/** Starts Express and Rookery on one server. @param port 0 selects a free port */
export const startServer = async (port: number): Promise<RunningServer> => {
  const web = express()
  const server = createServer(web)
  const app = createApp({
    contract,
    strict: true,
    logger: 'warn',
    plugins: [
      http({ server }),
      websocket(),
      sse(),
      // The server alone decides who gets a message, so clients may subscribe to nothing.
      auth({ jwt, rules: { subscribe: {} } }),
      // Keeps what `app.send({ user })` sends, for a user who is offline.
      history({ users: { maxAge: '7d' } }),
    ],
  })
  addRoutes(web, app)
  await app.start()
  server.listen(port)
  await once(server, 'listening')
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      await app.stop()
      server.close()
      server.closeAllConnections()
    },
  }
}
