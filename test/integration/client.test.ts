import { type App, createApp, type PeerSession, RookeryError } from 'rookery'
import { type Client, type ClientOptions, createClient } from 'rookery/client'
import { HttpServer, http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { websocket } from 'rookery/websocket'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'

const connect = (url: string, options: ClientOptions = {}): Client => {
  const client = createClient({ url, WebSocket, reconnect: { min: 5, max: 50 }, ...options })
  onTestFinished(() => client.close())
  return client
}

const untilOpen = (client: Client) => vi.waitFor(() => expect(client.state).toBe('open'))

/** An app on a fixed port, so that another app can replace it. */
const startAt = async (port: number, prepare: (app: App) => void = () => {}): Promise<App> => {
  const app = createApp({
    logger: 'silent',
    plugins: [http({ port, hostname: '127.0.0.1' }), websocket({ closeTimeout: 100 }), rooms()],
  })
  prepare(app)
  await app.start()
  onTestFinished(() => app.stop())
  return app
}

const echo = (app: App) => void app.handle('echo', (_ctx, payload) => payload)

describe('the client and the server', () => {
  it('exchange calls, subscriptions and messages', async () => {
    const { url } = await startApp({
      plugins: [rooms()],
      prepare: (app) => {
        app.handle('chat/send', z.object({ text: z.string() }), async (ctx, { text }) => {
          await ctx.publish(`rooms/${ctx.room}/messages`, { from: ctx.user.name, text })
          return { sent: true }
        })
      },
    })
    const ada = connect(url, { params: { username: 'ada', roomID: '42' } })
    const bob = connect(url, { params: { username: 'bob', roomID: '42' } })
    const heard: unknown[] = []
    await bob.subscribe('rooms/42/*', (payload, { topic }) => heard.push([topic, payload])).ready
    await untilOpen(ada)
    expect(ada.user).toEqual({ id: 'ada', name: 'ada' })
    await bob.call('room/members')
    heard.length = 0
    expect(await ada.call('chat/send', { text: 'hello' })).toEqual({ sent: true })
    ada.send('chat/send', { text: 'again' })
    await vi.waitFor(() => expect(heard).toHaveLength(2))
    expect(heard).toEqual([
      ['rooms/42/messages', { from: 'ada', text: 'hello' }],
      ['rooms/42/messages', { from: 'ada', text: 'again' }],
    ])
    await expect(ada.call('chat/send', { text: 7 })).rejects.toMatchObject({
      code: 'invalid_payload',
      issues: [{ path: ['text'] }],
    })
  })

  it('a room joined by the handshake delivers its messages without a subscription on the server', async () => {
    const { url, app } = await startApp({ plugins: [rooms()] })
    const ada = connect(url, { params: { username: 'ada', roomID: '42' } })
    await untilOpen(ada)
    await app.publish('rooms/42/x', 1)
    expect([...app.sessions][0]?.subscriptions).toEqual(['rooms/42/*'])
  })

  it('a client created before its server connects when the server is up', async () => {
    const first = await startAt(0)
    const url = first.scope.get(HttpServer).url
    await first.stop()
    const client = connect(url)
    const answer = client.call('echo', 'early')
    await vi.waitFor(() => expect(client.state).toBe('waiting'))
    await startAt(Number(new URL(url).port), echo)
    expect(await answer).toBe('early')
  })

  it('a client restores room, subscriptions and queued messages when the server is replaced', async () => {
    const first = await startAt(0, echo)
    const url = first.scope.get(HttpServer).url
    const client = connect(url, { params: { username: 'ada', roomID: '42' } })
    const heard: unknown[] = []
    await client.subscribe('news/*', (payload) => heard.push(payload)).ready
    // As if the process had been killed: without a close frame.
    for (const session of first.sessions) (session as PeerSession).disconnected()
    await first.stop()
    await vi.waitFor(() => expect(client.state).not.toBe('open'))
    const answers = Promise.all([1, 2, 3].map((number) => client.call('echo', number)))
    const order: unknown[] = []
    const second = await startAt(Number(new URL(url).port), (app) => {
      app.handle('echo', (ctx, payload) => {
        order.push([payload, ctx.room, ctx.session.subscriptions.includes('news/*')])
        return payload
      })
    })
    expect(await answers).toEqual([1, 2, 3])
    expect(order).toEqual([1, 2, 3].map((number) => [number, '42', true]))
    await second.publish('news/today', 'fresh')
    await vi.waitFor(() => expect(heard).toEqual(['fresh']))
  })

  it('a client reconnects at the time that a stopping server gives, and not at all if told so', async () => {
    const { url, app } = await startApp()
    const client = connect(url)
    await untilOpen(client)
    const states: unknown[] = []
    client.on('state', (state, detail) => states.push([state, detail.error?.code, typeof detail.retryIn]))
    await app.sessions.disconnect({ session: client.session as string }, new RookeryError('shutting_down'))
    await vi.waitFor(() => expect(states[0]).toEqual(['waiting', 'shutting_down', 'number']))
    client.connect()
    await untilOpen(client)
    await app.sessions.disconnect(
      { session: client.session as string },
      new RookeryError('forbidden', 'Banned'),
    )
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect(states.at(-1)).toEqual(['closed', 'forbidden', 'undefined'])
    expect(() => client.send('echo')).toThrow(expect.objectContaining({ code: 'client_closed' }))
  })

  it('a client refuses a frame larger than the server accepts, because it would end the session', async () => {
    const { url } = await startApp({ limits: { maxPayload: 1000 }, prepare: echo })
    const client = connect(url)
    await untilOpen(client)
    await expect(client.call('echo', 'x'.repeat(1000))).rejects.toMatchObject({ code: 'payload_too_large' })
    expect(await client.call('echo', 'fits')).toBe('fits')
  })

  it('a client leaves nothing on the server when it closes', async () => {
    verifies('protocol.closing.by-client')
    const { url, app } = await startApp({ plugins: [rooms()] })
    const client = connect(url, { params: { username: 'ada', roomID: '42' } })
    client.subscribe('a/*', () => {})
    await client.subscribe('b', () => {}).ready
    client.close()
    await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
  })
})
