import { createServer, type RequestListener, type Server } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { type App, type AppOptions, createApp } from 'rookery'
import { HttpServer, http, NodeHandler } from 'rookery/http'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { onTestFinished } from 'vitest'
import { recordingLogger } from './app.ts'
import { TLS } from './tls.ts'

/** Counts the bytes of a body and pauses after each chunk, as upload libraries do. */
const countSlowly = (body: NodeJS.ReadableStream): Promise<string> =>
  new Promise((resolve, reject) => {
    let bytes = 0
    body.on('data', (piece: Buffer) => {
      bytes += piece.length
      body.pause()
      setImmediate(() => body.resume())
    })
    body.on('end', () => resolve(String(bytes)))
    body.on('error', reject)
  })

/** An application of the user, written for Node's HTTP server. */
const ownListener: RequestListener = async (request, response) => {
  if (request.url === '/upload') response.end(await countSlowly(request))
  else if (request.url === '/mine') response.end('mine')
  else if (request.url === '/healthz') response.end('my health')
  else response.writeHead(404, { 'x-own': '404' }).end('my 404')
}

const expressApp = () => {
  const app = express()
  app.get('/mine', (_request, response) => void response.send('mine'))
  app.get('/healthz', (_request, response) => void response.send('my health'))
  app.post('/upload', async (request, response) => void response.send(await countSlowly(request)))
  app.use((_request, response) => void response.status(404).set('x-own', '404').send('my 404'))
  return app
}

const honoRoutes = () => {
  const routes = new Hono()
  routes.get('/mine', (c) => c.text('mine'))
  routes.get('/healthz', (c) => c.text('my health'))
  routes.post('/upload', async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)))
  routes.notFound((c) => c.text('my 404', 404, { 'x-own': '404' }))
  return routes
}

const koaApp = () => {
  const app = new Koa()
  app.use(async (ctx) => {
    if (ctx.path === '/mine') ctx.body = 'mine'
    else if (ctx.path === '/healthz') ctx.body = 'my health'
    else if (ctx.path === '/upload') ctx.body = await countSlowly(ctx.req)
    else {
      ctx.status = 404
      ctx.set('x-own', '404')
      ctx.body = 'my 404'
    }
  })
  return app
}

const listening = async (server: Server): Promise<Server> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const fastifyServer = async (): Promise<Server> => {
  const app = fastify({ forceCloseConnections: true })
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.get('/mine', async () => 'mine')
  app.get('/healthz', async () => 'my health')
  app.post('/upload', async (request) => await countSlowly(request.body as NodeJS.ReadableStream))
  app.setNotFoundHandler((_request, reply) => void reply.code(404).header('x-own', '404').send('my 404'))
  await app.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(() => app.close())
  return app.server
}

/** Servers of the user, by framework. They listen and have the same routes. */
export const USER_SERVER_KINDS: Readonly<Record<string, () => Promise<Server>>> = {
  'node:http': () => listening(createServer(ownListener)),
  'node:https': () => listening(createHttpsServer(TLS, ownListener) as unknown as Server),
  'node:http2 with allowHTTP1': () =>
    listening(createSecureServer({ ...TLS, allowHTTP1: true }, ownListener as never) as unknown as Server),
  Express: () => listening(createServer(expressApp())),
  Fastify: fastifyServer,
  Koa: () => listening(createServer(koaApp().callback())),
  'Hono serve': async () => {
    const options = { fetch: honoRoutes().fetch, port: 0, hostname: '127.0.0.1' }
    const server = serve({ ...options, overrideGlobalObjects: false }) as Server
    if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
    return server
  },
}

export const urlOf = (server: Server): string => {
  const { port } = server.address() as AddressInfo
  return `${'setSecureContext' in server ? 'https' : 'http'}://127.0.0.1:${port}`
}

/** Closes a server and its connections at the end of the test. */
export const closeWithTest = (server: Server): void => {
  onTestFinished(async () => {
    server.closeAllConnections?.()
    await new Promise((resolve) => server.close(resolve))
  })
}

/** Creates an app with all transports. */
export const createFullApp = (
  options: Parameters<typeof http>[0],
  rest: Omit<AppOptions, 'plugins' | 'logger'> = {},
) => {
  const logger = recordingLogger()
  const app = createApp({
    allowAnonymous: true,
    ...rest,
    logger,
    plugins: [http(options), websocket(), sse(), socketio()],
  })
  app.handle('echo', (_ctx, payload) => payload)
  onTestFinished(() => app.stop())
  return { app, lines: logger.lines }
}

export interface Started {
  readonly app: App
  readonly url: string
  readonly server: Server
  readonly lines: ReturnType<typeof recordingLogger>['lines']
}

/** Every way to serve an app. Each function starts an app with all transports beside the routes of the user. */
export const KINDS: Readonly<Record<string, () => Promise<Started>>> = {
  'a server of the app’s own': async () => {
    const { app, lines } = createFullApp({
      port: 0,
      hostname: '127.0.0.1',
      routes: honoRoutes(),
      health: false,
      bodyLimit: 16 * 1024 * 1024,
    })
    await app.start()
    const { server, url } = app.scope.get(HttpServer)
    return { app, url, server, lines }
  },
  ...Object.fromEntries(
    Object.entries(USER_SERVER_KINDS).map(([name, open]) => [
      name,
      async () => {
        const server = await open()
        closeWithTest(server)
        const { app, lines } = createFullApp({ server })
        await app.start()
        return { app, url: urlOf(server), server, lines }
      },
    ]),
  ),
  'NodeHandler in Express': async () => {
    const { app, lines } = createFullApp({ server: false })
    const rookery = app.scope.get(NodeHandler)
    const server = await listening(createServer(express().use(rookery.request).use(expressApp())))
    server.on('upgrade', (request, socket, head) => {
      if (!rookery.upgrade(request, socket, head)) socket.destroy()
    })
    closeWithTest(server)
    await app.start()
    return { app, url: urlOf(server), server, lines }
  },
}

export { listening, ownListener }
