import type { ClientFrame, ServerFrame } from 'rookery'
import { type ClientTransport, sse as clientSse, websocket as clientWebsocket } from 'rookery/client'
import { socketio as clientSocketio } from 'rookery/client/socketio'
import { history } from 'rookery/history'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { encodeFrame, isServerFrame } from '../../client/transports/frames.ts'
import { startApp } from '../support/app.ts'

/** A connection of one of the client's transports, with all frames that it passes to the client. */
const connect = async (transport: ClientTransport, url: string) => {
  const frames: ServerFrame[] = []
  const connection = transport.connect(
    { url: new URL(url), params: {}, token: () => undefined, timeout: 10_000 },
    {
      message: (frame) => {
        frames.push(frame)
        if (frame.type === 'ping') connection.send([encodeFrame({ type: 'pong' })])
      },
      invalid: (error) => expect.unreachable(error.message),
      close: () => {},
    },
  )
  onTestFinished(() => connection.close())
  const send = (...sent: ClientFrame[]) => connection.send(sent.map(encodeFrame))
  const until = (fits: (frame: ServerFrame) => boolean) =>
    vi.waitFor(() => expect(frames.some(fits), JSON.stringify(frames)).toBe(true))
  await until(({ type }) => type === 'welcome')
  return { frames, send, until }
}

it('the frames of the history are the same over every transport of the client', async () => {
  const { url, app } = await startApp({
    pingInterval: 100,
    plugins: [sse(), socketio(), history({ topics: ['news/*'] })],
  })
  const transports = [clientWebsocket({ WebSocket }), clientSse(), clientSocketio()]
  const connections = await Promise.all(transports.map((transport) => connect(transport, url)))
  for (const payload of [1, 2, 3]) await app.publish('news/a', payload)
  for (const { send } of connections) {
    send(
      { type: 'subscribe', id: 1, topics: ['news/a'], since: 'earliest' },
      { type: 'subscribe', id: 2, topics: ['$x', 'news/*'], since: { last: 1 } },
      { type: 'subscribe', id: 3, topics: ['$x', '$y'], since: { ago: 60_000 } },
      { type: 'subscribe', topics: ['news/a'], since: { last: 2 } },
      { type: 'subscribe', id: 4, topics: ['news/a'], since: 'no cursor' },
      { type: 'subscribe', id: 5, topics: ['other'] },
    )
  }
  for (const { until } of connections) await until((frame) => frame.type === 'reply' && frame.id === 5)
  await app.publish({ topics: ['news/a', 'news/b'], payload: 4, client: { topic: 'news' } })
  await app.publish('other', 5)
  for (const { until } of connections) {
    await until((frame) => frame.type === undefined && frame.payload === 4)
    await until((frame) => frame.type === undefined && frame.payload === 5)
  }
  const received = connections.map(({ frames }) => {
    expect(frames.every(isServerFrame)).toBe(true)
    // biome-ignore lint/suspicious/noExplicitAny: frames of every kind
    const [welcome, ...others] = frames.filter(({ type }) => type !== 'ping') as any[]
    return [{ type: welcome.type, cursor: welcome.cursor }, ...others]
  })
  const [websocket = []] = received
  expect(websocket.map(({ type }) => type)).toEqual([
    'welcome',
    ...['reply', undefined, undefined, undefined, 'replayed'],
    ...['reply', undefined, 'replayed'],
    'reply',
    ...[undefined, undefined, 'replayed'],
    ...['reply', 'replayed'],
    'reply',
    ...[undefined, undefined],
  ])
  const ends = websocket.filter(({ type }) => type === 'replayed')
  expect(ends).toMatchObject([{ id: 1 }, { id: 2 }, { recovered: true }, { id: 4, reason: 'epoch' }])
  expect(ends[2]).not.toHaveProperty('id')
  for (const frames of received) expect(frames).toEqual(websocket)
  const { cursor } = websocket.find(({ payload }) => payload === 4)
  for (const { until } of connections) {
    await until((frame) => frame.type === 'ping' && frame.cursor === cursor)
  }
})
