import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type ClientTransport, sse } from '../../../client/index.ts'
import { socketio } from '../../../client/socketio/index.ts'
import { clientOf, welcome } from './support.ts'

type Listener = (request: IncomingMessage, response: ServerResponse) => void

const listen = async (listener: Listener): Promise<string> => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const answer = (response: ServerResponse, status: number, body: string, type = 'application/json') =>
  response.writeHead(status, { 'content-type': type }).end(body)

const NOT_ALLOWED = { code: 'origin_not_allowed', message: 'This origin is not allowed' }
const REFUSED = JSON.stringify({ error: NOT_ALLOWED, reconnectAfter: null })

/** Records the events of a client, and counts the requests that the server gets by their method. */
const start = async (transport: ClientTransport, listener: Listener) => {
  const requests: Record<string, number> = {}
  const url = await listen((request, response) => {
    const method = request.method as string
    requests[method] = (requests[method] ?? 0) + 1
    listener(request, response)
  })
  const client = clientOf({ url, transports: [transport] })
  const log: string[] = []
  client.on('state', (state, { error }) => log.push(error ? `${state} ${error.code}` : state))
  client.on('error', ({ code }) => log.push(`error ${code}`))
  return { client, log, requests }
}

const CLOSED = ['closed origin_not_allowed', 'error origin_not_allowed']

describe('over server-sent events, a client that the server refuses', () => {
  /** Allows the stream, as if a browser had omitted the origin. */
  const refuseUplink = (body: string): Listener => {
    let sessions = 0
    return ({ method }, response) => {
      if (method === 'POST') answer(response, 403, body)
      else if (method === 'DELETE') answer(response, 204, '')
      else {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(`data: ${JSON.stringify(welcome(`s${++sessions}`))}\n\n`)
      }
    }
  }

  test('at the first request is closed', async () => {
    const { client, log, requests } = await start(sse(), (_request, response) =>
      answer(response, 403, REFUSED),
    )
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect(log).toEqual(CLOSED)
    expect(requests).toEqual({ GET: 1 })
  })

  test('when it sends is closed, and makes no further attempt', async () => {
    const { client, log, requests } = await start(sse(), refuseUplink(REFUSED))
    client.send('chat/send', 'hello')
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect(log).toEqual(['open', ...CLOSED])
    expect(requests).toEqual({ GET: 1, POST: 1 })
  })

  test('when it sends reconnects when the server allows it, and sends nothing more in the old session', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    onTestFinished(() => void vi.restoreAllMocks())
    const later = { code: 'shutting_down', message: 'Later', retryable: true }
    const posts: string[] = []
    const refuse = refuseUplink(JSON.stringify({ error: later, reconnectAfter: 1 }))
    const { client, log } = await start(sse(), (request, response) => {
      if (request.method === 'POST') posts.push(request.url!.split(/[/?]/).at(-2)!)
      refuse(request, response)
    })
    client.on('open', () => client.send('chat/send', 'hello'))
    await vi.waitFor(() => expect(posts.length).toBeGreaterThan(2))
    expect(posts.slice(0, 3)).toEqual(['s1', 's2', 's3'])
    expect(log.slice(0, 4)).toEqual(['open', 'waiting shutting_down', 'connecting', 'open'])
  })
})

describe('over Socket.IO by polling, a client that the server refuses', () => {
  const transport = () => socketio({ transports: ['polling'] })

  test('at the first request is closed', async () => {
    const { client, log, requests } = await start(transport(), (_request, response) =>
      answer(response, 403, REFUSED),
    )
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect(log).toEqual(CLOSED)
    expect(requests).toEqual({ GET: 1 })
  })

  test('when it sends is closed', async () => {
    const handshake = { sid: 's1', upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1e6 }
    const { client, log } = await start(transport(), ({ method, url }, response) => {
      if (method === 'POST') answer(response, 403, REFUSED)
      else if (!url?.includes('sid=')) answer(response, 200, `0${JSON.stringify(handshake)}`, 'text/plain')
    })
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect(log).toEqual(CLOSED)
  })

  test.each([
    ['of Engine.IO', 400, '{"code":3,"message":"Bad request"}'],
    ['of a proxy', 502, '<h1>Bad gateway</h1>'],
  ])('with a response %s reconnects', async (_whose, status, body) => {
    const { client, log, requests } = await start(transport(), (_request, response) =>
      answer(response, status, body),
    )
    await vi.waitFor(() => expect(requests.GET).toBeGreaterThan(2))
    expect(client.state).not.toBe('closed')
    expect(log.slice(0, 2)).toEqual(['waiting connection_failed', 'connecting'])
  })
})
