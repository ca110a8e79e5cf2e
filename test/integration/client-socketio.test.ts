import { RookeryError } from 'rookery'
import { type Client, type ClientOptions, createClient, websocket } from 'rookery/client'
import { type SocketIoOptions, socketio } from 'rookery/client/socketio'
import { rooms } from 'rookery/rooms'
import { socketio as socketioPlugin } from 'rookery/socketio'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startApp } from '../support/app.ts'
import { FaultyProxy } from '../support/proxy.ts'

const start = async () => {
  const noted: unknown[] = []
  const started = await startApp({
    plugins: [socketioPlugin({ closeTimeout: 200 }), rooms()],
    prepare: (app) => {
      app.handle('note', (_ctx, payload) => {
        noted.push(payload)
        return payload
      })
    },
  })
  return { ...started, noted }
}

const connect = (url: string, own: SocketIoOptions = {}, options: ClientOptions = {}): Client => {
  const client = createClient({
    url,
    transports: [socketio(own)],
    reconnect: { min: 5, max: 50 },
    ...options,
  })
  onTestFinished(() => client.close())
  return client
}

const untilOpen = (client: Client) => vi.waitFor(() => expect(client.state).toBe('open'))

describe.each<[NonNullable<SocketIoOptions['transports']>]>([
  [['websocket']],
  [['polling']],
  [['polling', 'websocket']],
])('the client over Socket.IO by %s', (transports) => {
  it('calls, sends, subscribes and receives errors', async () => {
    const { url, app, noted } = await start()
    const params = { username: 'ada', roomID: '42' }
    const client = connect(url, { transports }, { params })
    const heard: unknown[] = []
    const errors: string[] = []
    client.on('error', ({ code }) => errors.push(code))
    const news = client.subscribe('news/*', (payload, { topic }) => heard.push([topic, payload]))
    await news.ready
    expect([client.transport, client.user]).toEqual(['socketio', { id: 'ada', name: 'ada' }])
    client.send('note', 1)
    expect(await client.call('note', { text: 'é\u2028🎉' })).toEqual({ text: 'é\u2028🎉' })
    expect(noted).toEqual([1, { text: 'é\u2028🎉' }])
    await app.publish('news/today', 'fresh')
    await vi.waitFor(() => expect(heard).toEqual([['news/today', 'fresh']]))
    await expect(client.call('nobody')).rejects.toMatchObject({ code: 'unknown_topic' })
    client.send('nobody')
    await vi.waitFor(() => expect(errors).toEqual(['unknown_topic']))
    news.cancel()
    expect((await client.call<{ room: string }>('room/members')).room).toBe('42')
    expect([...app.sessions][0]?.subscriptions).toEqual(['rooms/42/*'])
    client.close()
    await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
  })
})

describe('the client over Socket.IO', () => {
  it('sends a payload as it was at the call, and as JSON', async () => {
    const { url, noted } = await start()
    const client = connect(url)
    const payload = { list: [1], at: new Date(0) }
    client.send('note', payload)
    payload.list.push(2)
    await vi.waitFor(() => expect(noted).toEqual([{ list: [1], at: '1970-01-01T00:00:00.000Z' }]))
  })

  it.each(['connect', 'disconnect', 'subscribe', 'auth'])('refuses the topic %s', async (topic) => {
    const { url } = await start()
    const client = connect(url)
    const errors: string[] = []
    client.on('error', ({ code }) => errors.push(code))
    await expect(client.call(topic, 1)).rejects.toMatchObject({ code: 'invalid_topic' })
    client.send(topic, 1)
    await vi.waitFor(() => expect(errors).toEqual(['invalid_topic']))
    expect(await client.call('note', 'still here')).toBe('still here')
  })

  it('resolves with a reply that only looks like an error', async () => {
    const { url } = await start()
    const client = connect(url)
    for (const answer of [{ error: 'no' }, { error: null }, { error: { code: 'x' }, more: 1 }, [], null]) {
      expect(await client.call('note', answer)).toEqual(answer)
    }
  })

  it('calls auth() for every attempt to connect, and presents its result', async () => {
    const { url, app } = await start()
    app.sessions.onAuthenticate(({ token }) => {
      if (token !== 'secret') throw new RookeryError('unauthenticated', 'Who are you?')
      return { id: 'u1', name: 'Ada' }
    })
    const auth = vi.fn(async () => ({ token: 'secret' })).mockRejectedValueOnce(new Error('no token yet'))
    const client = connect(url, { auth })
    await untilOpen(client)
    expect([client.user?.id, auth.mock.calls.length]).toEqual(['u1', 2])
  })

  it('closes if the server refuses it, and reports the reason', async () => {
    const { url, app } = await start()
    app.sessions.onAuthenticate(() => {
      throw new RookeryError('forbidden', 'Banned')
    })
    const client = connect(url)
    const errors: string[] = []
    client.on('error', ({ message }) => errors.push(message))
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect(errors).toEqual(['Banned'])
  })

  it('reconnects after a lost connection, and after a close with a retryable error', async () => {
    const { url, app } = await start()
    const proxy = await FaultyProxy.listen(url)
    const client = connect(proxy.url)
    const closes: string[] = []
    client.on('close', ({ error }) => closes.push(error.code))
    await client.subscribe('a', () => {}).ready
    proxy.cut()
    await vi.waitFor(() => expect(closes).toEqual(['disconnected']))
    await untilOpen(client)
    await app.sessions.disconnect({ session: client.session as string }, new RookeryError('slow_consumer'))
    await vi.waitFor(() => expect(closes).toEqual(['disconnected', 'slow_consumer']))
    client.connect()
    await untilOpen(client)
  })

  it('replaces WebSocket and gives way to it again, and no message is lost or repeated', async () => {
    const { url, app, noted } = await start()
    const proxy = await FaultyProxy.listen(url, { upgrades: 403 })
    const transports = [websocket({ WebSocket }), socketio()]
    const client = connect(proxy.url, {}, { transports, upgrade: { min: 50, max: 200 } })
    const heard: unknown[] = []
    await client.subscribe('count', (payload) => heard.push(payload)).ready
    expect(client.transport).toBe('socketio')
    let last = 0
    const busy = setInterval(() => {
      client.send('note', ++last)
      void app.publish('count', last)
    }, 10)
    onTestFinished(() => clearInterval(busy))
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(20))
    proxy.heal()
    await vi.waitFor(() => expect(client.transport).toBe('websocket'))
    const then = last
    await vi.waitFor(() => expect(last).toBeGreaterThan(then + 20))
    clearInterval(busy)
    await vi.waitFor(() => expect([noted.length, heard.length]).toEqual([last, last]))
    const numbers = Array.from({ length: last }, (_, index) => index + 1)
    expect([noted, heard]).toEqual([numbers, numbers])
  })
})
