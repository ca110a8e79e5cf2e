import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { Hono } from 'hono'
import { sse as clientSse, websocket as clientWebSocket, createClient } from 'rookery/client'
import { socketio as clientSocketio } from 'rookery/client/socketio'
import { http } from 'rookery/http'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startApp } from '../support/app.ts'

describe('options of http() and the transports', () => {
  it.each<[string, object, RegExp]>([
    ['port', { server: createServer(), port: 1 }, /leave out 'port'/],
    ['port and maxSockets', { server: createServer(), port: 1, maxSockets: 1 }, /'port' and 'maxSockets'/],
    ['a rate', { server: createServer(), requestRate: 1 }, /'requestRate'/],
    ['routes', { server: false, routes: new Hono() }, /no server.*'routes'/],
    ['a server of HTTP/2 alone', { server: createHttp2Server() }, /allowHTTP1/],
    ['a value that is not a server', { server: {} }, /'server' must be/],
    ['a path of health checks', { health: 'live' }, /'health' must be a path/],
    ['a wrong path in an object of health checks', { health: { live: '/é' } }, /'live' must be a path/],
    ['an unknown health check', { health: { alive: '/live' } }, /no option 'alive'/],
    ['a keep-alive timeout', { keepAliveTimeout: 'soon' }, /'keepAliveTimeout'/],
    ['rates', { requestRate: 0 }, /'requestRate'/],
  ])('are refused if they are wrong: %s', (_what, options, message) => {
    expect(() => http(options)).toThrow(message)
  })

  it.each([
    '/rt/../x',
    '/rt/./x',
    '//rt',
    '/rt//x',
    '/é',
    '/{id}',
    '/rt?x',
    '/a b',
    '/%41',
    'rt',
    '/*',
    '/..',
  ])('that are paths refuse %s, on server and client', (path) => {
    for (const make of [websocket, sse, socketio, clientSse]) expect(() => make({ path })).toThrow(/path/)
    expect(() => clientWebSocket({ path, WebSocket })).toThrow(/path/)
  })

  it('that are paths may end in a slash, on server and client', async () => {
    const { url, app } = await startApp({
      websocket: { path: '/ws/' },
      plugins: [sse({ path: '/rt/' }), socketio({ path: '/io/' })],
    })
    for (const transport of [
      clientWebSocket({ path: '/ws/', WebSocket }),
      clientWebSocket({ path: '/ws', WebSocket }),
      clientSse({ path: '/rt/' }),
      clientSse({ path: '/rt' }),
      clientSocketio({ path: '/io/' }),
    ]) {
      const client = createClient({ url, transports: [transport] })
      onTestFinished(() => client.close())
      await vi.waitFor(() => expect(client.state).toBe('open'))
    }
    expect(app.sessions.size).toBe(5)
  })
})
