import { createServer, type IncomingMessage, ServerResponse } from 'node:http'
import express, { type Request } from 'express'
import session from 'express-session'
import { Sessions } from 'rookery'
import { io } from 'socket.io-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { closeWithTest, createFullApp, listening, urlOf } from '../support/server-kinds.ts'

declare module 'express-session' {
  interface SessionData {
    user?: string
  }
}

/** An Express app with logins in `express-session`; its middleware also gives the user of a connection. */
const start = async () => {
  const logins = session({ secret: 'test', resave: false, saveUninitialized: false })
  const web = express()
  web.use(logins)
  web.post('/login', (request, response) => {
    request.session.user = 'ada'
    response.end()
  })
  const server = await listening(createServer(web))
  closeWithTest(server)
  const { app } = createFullApp({ server })
  const userOf = (request: IncomingMessage) =>
    new Promise<string | undefined>((resolve, reject) => {
      const response = new ServerResponse(request)
      logins(request as Request, response as never, (error?: unknown) =>
        error ? reject(error) : resolve((request as Request).session.user),
      )
    })
  app.scope.get(Sessions).onAuthenticate(async ({ request }) => {
    const name = request && (await userOf(request))
    return name === undefined ? null : { id: name, name }
  })
  await app.start()
  const url = urlOf(server)
  const login = await fetch(`${url}/login`, { method: 'POST' })
  return { url, app, cookie: login.headers.get('set-cookie')?.split(';')[0] as string }
}

describe('a login of express-session', () => {
  it('is the user of connections over every transport', async () => {
    const { url, app, cookie } = await start()
    const users = () => [...app.sessions].map(({ transport, user }) => [transport, user?.id ?? null])
    const headers = { cookie }
    const ws = new WebSocket(`${url.replace('http', 'ws')}/api/v1/ws`, { headers })
    const welcomed = new Promise((resolve) => ws.once('message', resolve))
    const stream = await fetch(`${url}/api/v1/sse`, { headers })
    const socket = io(url, { extraHeaders: headers, transports: ['websocket'], forceNew: true })
    const connected = new Promise((resolve) => socket.once('connect', () => resolve(undefined)))
    onTestFinished(() => {
      ws.terminate()
      socket.close()
    })
    await Promise.all([welcomed, connected, stream.body?.getReader().read()])
    expect(users().sort()).toEqual([
      ['socketio', 'ada'],
      ['sse', 'ada'],
      ['websocket', 'ada'],
    ])
    const nobody = await fetch(`${url}/api/v1/sse`)
    await nobody.body?.getReader().read()
    expect(users()).toContainEqual(['sse', null])
  })
})
