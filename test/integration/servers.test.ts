import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { type ClientTransport, createClient, sse, websocket } from 'rookery/client'
import { io } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { KINDS } from '../support/server-kinds.ts'
import { UPGRADE } from '../support/upgrade-answer.ts'

// The tests use a self-signed certificate.
beforeAll(() => void vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0'))
afterAll(() => void vi.unstubAllEnvs())

interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: readonly Buffer[]
}

/** One request on a connection of its own. A body of several pieces goes in chunks. */
const ask = (url: string, { method = 'GET', headers = {}, body }: Asked = {}) =>
  new Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const make = url.startsWith('https') ? httpsRequest : httpRequest
      const asking = make(url, { method, headers, agent: false, rejectUnauthorized: false }, (response) => {
        text(response).then(
          (text) => resolve({ status: response.statusCode as number, text, headers: response.headers }),
          reject,
        )
      })
      asking.on('upgrade', (response, socket) => {
        socket.destroy()
        resolve({ status: response.statusCode as number, text: '', headers: response.headers })
      })
      asking.on('error', reject)
      for (const piece of body ?? []) asking.write(piece)
      asking.end()
    },
  )

interface Connected {
  call(topic: string, payload: unknown): Promise<unknown>
  /** Resolves when it subscribes. */
  subscribe(pattern: string, listener: (payload: unknown) => void): Promise<unknown>
  close(): void
}

const byClient =
  (transport: ClientTransport) =>
  async (url: string): Promise<Connected> => {
    const client = createClient({ url, transports: [transport] })
    onTestFinished(() => client.close())
    await vi.waitFor(() => expect(client.state).toBe('open'))
    return {
      call: (topic, payload) => client.call(topic, payload),
      subscribe: (pattern, listener) => client.subscribe(pattern, listener).ready,
      close: () => client.close(),
    }
  }

/** Socket.IO's own client, which accepts the self-signed certificate. */
const bySocketIo =
  (transport: 'polling' | 'websocket') =>
  async (url: string): Promise<Connected> => {
    const socket = io(url, { transports: [transport], rejectUnauthorized: false, forceNew: true })
    onTestFinished(() => void socket.close())
    await new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(undefined))
      socket.once('connect_error', reject)
    })
    return {
      call: (topic, payload) => socket.emitWithAck(topic, payload),
      subscribe: (pattern, listener) => {
        socket.onAny((_event, payload) => listener(payload))
        return socket.emitWithAck('subscribe', pattern)
      },
      close: () => void socket.close(),
    }
  }

const TRANSPORTS: Readonly<Record<string, (url: string) => Promise<Connected>>> = {
  WebSocket: byClient(websocket({ WebSocket })),
  'server-sent events': byClient(sse()),
  'Socket.IO by polling': bySocketIo('polling'),
  'Socket.IO by WebSocket': bySocketIo('websocket'),
}

const PIECE = Buffer.alloc(64 * 1024, 'x')

describe.each(Object.entries(KINDS))('%s', (_name, start) => {
  it('answers the user’s routes, health checks and unknown paths as without the app', async () => {
    const { url } = await start()
    expect(await ask(`${url}/mine`)).toMatchObject({ status: 200, text: 'mine' })
    expect(await ask(`${url}/healthz`)).toMatchObject({ status: 200, text: 'my health' })
    expect(await ask(`${url}/readyz`)).toMatchObject({
      status: 404,
      text: 'my 404',
      headers: { 'x-own': '404' },
    })
    // The app sets no CORS headers and does not answer preflights on the user's paths.
    const preflight = { origin: 'https://page.example', 'access-control-request-method': 'PUT' }
    const answer = await ask(`${url}/elsewhere`, { method: 'OPTIONS', headers: preflight })
    expect(answer).toMatchObject({ status: 404, text: 'my 404' })
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  })

  it.each(Object.entries(TRANSPORTS))('accepts clients by %s', async (_transport, connect) => {
    const { app, url } = await start()
    const client = await connect(url)
    expect(await client.call('echo', { text: 'ä€😀' })).toEqual({ text: 'ä€😀' })
    const heard: unknown[] = []
    await client.subscribe('news/*', (payload) => void heard.push(payload))
    for (let count = 0; count < 20; count++) void app.publish('news/1', count)
    await vi.waitFor(() => expect(heard).toEqual(Array.from({ length: 20 }, (_, count) => count)))
    client.close()
    await vi.waitFor(() => expect(app.usage.sessions).toBe(0))
  })

  it('passes uploads with a length and in chunks to readers that pause', async () => {
    const { url } = await start()
    const headers = { 'content-type': 'application/octet-stream' }
    const pieces = Array(32).fill(PIECE)
    const whole = Buffer.concat(pieces)
    const byLength = { ...headers, 'content-length': String(whole.length) }
    expect(await ask(`${url}/upload`, { method: 'POST', headers: byLength, body: [whole] })).toMatchObject({
      status: 200,
      text: String(whole.length),
    })
    expect(await ask(`${url}/upload`, { method: 'POST', headers, body: pieces })).toMatchObject({
      status: 200,
      text: String(whole.length),
    })
  })

  it('answers upgrade requests without a handler as ordinary requests, and survives a reset', async () => {
    const { url, server } = await start()
    if (server.listenerCount('upgrade') > 1 || _name === 'NodeHandler in Express') return
    expect(await ask(`${url}/nope`, { headers: UPGRADE })).toMatchObject({ status: 404, text: 'my 404' })
    expect(await ask(`${url}/mine`, { headers: UPGRADE })).toMatchObject({ status: 200, text: 'mine' })
    const body = [Buffer.from('12345'), Buffer.from('678')]
    const h2c = {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
    }
    const headers = { ...h2c, 'content-type': 'application/octet-stream' }
    expect(await ask(`${url}/upload`, { method: 'POST', headers, body })).toMatchObject({
      status: 200,
      text: '8',
    })
    expect((await ask(`${url}/api/v1/sse`, { method: 'HEAD', headers: h2c })).status).toBe(200)
    await vi.waitFor(async () => {
      const open = await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))
      expect(open).toBe(0)
    })
  })
})
