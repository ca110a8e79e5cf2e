import {
  type ClientTransport,
  createClient,
  sse as sseClient,
  websocket as webSocketClient,
} from 'rookery/client'
import { socketio as socketIoClient } from 'rookery/client/socketio'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'

const TRANSPORTS: Readonly<Record<string, () => ClientTransport>> = {
  websocket: () => webSocketClient({ WebSocket }),
  sse: () => sseClient(),
  socketio: () => socketIoClient(),
}

const start = async (transport: string) => {
  const { app, url } = await startApp({ plugins: [sse(), socketio()] })
  const client = createClient({ url, transports: [TRANSPORTS[transport]!()] })
  onTestFinished(() => client.close())
  return { app, client }
}

describe.each(Object.keys(TRANSPORTS))('an event with several topics, over %s', (transport) => {
  it('reaches a client that subscribes to any of them, once, with all topics', async () => {
    verifies('protocol.server-frame.topics', 'delivery.published.every-subscriber', 'delivery.published.once')
    const { app, client } = await start(transport)
    const messages: unknown[] = []
    const topics = ['orders/7', 'users/7/orders']
    await client.subscribe('users/7/*', (payload, message) =>
      messages.push([payload, message.topic, message.topics]),
    ).ready
    await app.publish({ topics, payload: 'plain' })
    await app.publish({ topics, payload: 'second as topic', client: { topic: 'users/7/orders' } })
    await app.publish({ topics, payload: 'secret', client: { topic: 'order:made', payload: 'made' } })
    await app.publish({ topics: ['orders/8', 'users/8/orders'], payload: 'of another user' })
    await app.publish('users/7/end', 'one topic')
    await vi.waitFor(() => expect(messages).toHaveLength(4))
    expect(messages).toEqual([
      ['plain', 'orders/7', topics],
      ['second as topic', 'users/7/orders', topics],
      ['made', 'order:made', topics],
      ['one topic', 'users/7/end', undefined],
    ])
  })
})
