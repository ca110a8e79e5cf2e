import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { type Client, type ClientTransport, createClient, sse, websocket } from 'rookery/client'
import { io, type Socket } from 'socket.io-client'
import { expect, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'

/** Address of the clients. The proxies have 127.0.0.1, on the same machine. */
export const CLIENT_ADDRESS = '127.0.0.2'

/** A header that a client forges. The app must not use its value. */
const FORGED = { 'x-forwarded-for': '192.0.2.66' }

interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** Sends one request on a connection of its own. For an upgrade, returns the status alone. */
export const ask = (url: string, { method = 'GET', headers = {}, body }: Asked = {}) =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    const options = { method, headers: { ...FORGED, ...headers }, agent: false, localAddress: CLIENT_ADDRESS }
    const asking = request(url, options, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode as number, text: body }), reject)
    })
    asking.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode as number, text: '' })
    })
    asking.on('error', reject)
    asking.end(body)
  })

class RemoteWebSocket extends WebSocket {
  constructor(url: string) {
    super(url, { headers: FORGED, localAddress: CLIENT_ADDRESS })
  }
}

export const byWebSocket = (): ClientTransport => websocket({ WebSocket: RemoteWebSocket })
export const bySse = (): ClientTransport => sse()

/** A client with one transport; closed with the test. */
export const openClient = async (url: string, transport: ClientTransport): Promise<Client> => {
  const client = createClient({ url, transports: [transport] })
  onTestFinished(() => client.close())
  await vi.waitFor(() => expect(client.state).toBe('open'))
  return client
}

/** Socket.IO's own client; closed with the test. */
export const openSocketIo = async (url: string, transport: 'polling' | 'websocket'): Promise<Socket> => {
  const options = { rejectUnauthorized: false, forceNew: true, extraHeaders: FORGED }
  const socket = io(url, { ...options, transports: [transport] })
  onTestFinished(() => void socket.close())
  await new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(undefined))
    socket.once('connect_error', reject)
  })
  return socket
}
