import { RookeryError } from 'rookery'
import { rooms } from 'rookery/rooms'
import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { connectBare } from '../support/bare-client.ts'

const chat = () =>
  startApp({
    plugins: [rooms()],
    prepare: (app) => {
      app.handle('chat/send', z.object({ text: z.string().max(20) }), async (ctx, { text }) => {
        await ctx.publish(`rooms/${ctx.room}/messages`, { from: ctx.user.name, text })
        return { sent: true }
      })
    },
  })

describe('a WebSocket client without the library', () => {
  it('chats with { topic, payload } alone', async () => {
    verifies('protocol.server-frame.message')
    const { url } = await chat()
    const ada = await connectBare(url, '?username=ada&roomID=42')
    const bob = await connectBare(url, '?username=bob&roomID=42')
    ada.send({ topic: 'chat/send', payload: { text: 'hello' } })
    const message = await bob.until(({ topic }) => topic === 'rooms/42/messages')
    expect(message).toEqual({ topic: 'rooms/42/messages', payload: { from: 'ada', text: 'hello' } })
  })

  it('first gets welcome, with the protocol, its session, its user and the limits', async () => {
    verifies('protocol.connect.welcome', 'protocol.versions.one', 'protocol.order.welcome-first')
    const { url, app } = await chat()
    const ada = await connectBare(url, '?username=ada&roomID=42')
    await ada.until(({ topic }) => topic === 'rooms/42/joined')
    const [session] = [...app.sessions]
    expect(ada.frames[0]).toEqual({
      type: 'welcome',
      protocol: 1,
      session: session?.id,
      secret: expect.stringContaining(session?.id as string),
      user: { id: 'ada', name: 'ada' },
      pingInterval: 25_000,
      maxPayload: 65_536,
      messageRate: 100,
      messageBurst: 200,
      byteRate: 1_048_576,
      byteBurst: 4_194_304,
    })
  })

  it('gets a reply to a frame with an id, and none to a frame without', async () => {
    verifies('protocol.client-frame.one-reply', 'protocol.client-frame.no-reply-without-id')
    const { url } = await chat()
    const ada = await connectBare(url, '?username=ada&roomID=42')
    ada.send({ topic: 'chat/send', payload: { text: 'no reply' } })
    expect(await ada.ask({ topic: 'chat/send', payload: { text: 'reply' } })).toEqual({
      type: 'reply',
      id: 1,
      payload: { sent: true },
    })
    expect(ada.frames.filter(({ type }) => type === 'reply')).toHaveLength(1)
  })

  it('is told which part of a payload is invalid, and why', async () => {
    verifies('protocol.errors.issues')
    const { url } = await chat()
    const ada = await connectBare(url, '?username=ada&roomID=42')
    const { error } = await ada.ask({ topic: 'chat/send', payload: { text: 'x'.repeat(21) } })
    expect(error).toMatchObject({ code: 'invalid_payload', issues: [{ path: ['text'] }] })
    expect(error.message).toContain('text: ')
  })

  it('gets an error for a topic without a handler, and for reserved topics', async () => {
    verifies('protocol.errors.unknown-topic', 'protocol.errors.reserved-topic')
    const { url } = await chat()
    const ada = await connectBare(url)
    expect((await ada.ask({ topic: 'nobody/home' })).error.code).toBe('unknown_topic')
    expect((await ada.ask({ topic: '$user/bob', payload: 1 })).error.code).toBe('reserved_topic')
    expect((await ada.ask({ topic: 'a b' })).error.code).toBe('invalid_topic')
    expect((await ada.ask({ type: 'subscribe', topics: ['$user/bob'] })).error.code).toBe('reserved_topic')
    expect((await ada.ask({ type: 'subscribe', topics: ['rooms/$x/*'] })).error.code).toBe('reserved_topic')
    expect((await ada.ask({ type: 'subscribe', topics: ['a*'] })).error.code).toBe('invalid_pattern')
  })

  it('gets `unauthenticated` if a handler needs a user and there is none', async () => {
    const { url } = await chat()
    const nobody = await connectBare(url, '?roomID=42')
    expect((await nobody.ask({ topic: 'chat/send', payload: { text: 'x' } })).error.code).toBe(
      'unauthenticated',
    )
  })
})

describe('subscriptions', () => {
  it('deliver every message that matches one of the patterns, once', async () => {
    verifies(
      'protocol.order.once',
      'protocol.order.after-subscribe',
      'protocol.order.subscribe-reply',
      'protocol.server-frame.topics',
      'delivery.published.once',
      'delivery.subscriptions.after-reply',
    )
    const { url, app } = await startApp()
    const ada = await connectBare(url)
    const reply = await ada.ask({ type: 'subscribe', topics: ['news/*', 'news/sport', '*/sport'] })
    expect(reply.payload).toEqual({ topics: ['news/*', 'news/sport', '*/sport'] })
    await app.publish('news/sport', 1)
    await app.publish('news/art', 2)
    await app.publish({ topics: ['news/a', 'other', 'news/b'], payload: 3, client: { topic: 'news:both' } })
    await app.publish('news', 'not under news')
    await app.publish('news/end', 4)
    await ada.until(({ payload }) => payload === 4)
    expect(ada.frames.slice(2)).toEqual([
      { topic: 'news/sport', payload: 1 },
      { topic: 'news/art', payload: 2 },
      { topic: 'news:both', payload: 3, topics: ['news/a', 'other', 'news/b'] },
      { topic: 'news/end', payload: 4 },
    ])
  })

  it('count up to the limit, each once', async () => {
    verifies('protocol.order.subscribe-twice', 'protocol.client-frame.unsubscribe-unknown')
    const { url, app } = await startApp({ limits: { maxSubscriptions: 2 } })
    const ada = await connectBare(url)
    await ada.ask({ type: 'subscribe', topics: ['a', 'bad topic', 'a', 'b'] })
    expect((await ada.ask({ type: 'subscribe', topics: ['a', 'b'] })).error).toBeUndefined()
    await ada.ask({ type: 'unsubscribe', topics: ['a', 'a', 'never'] })
    expect((await ada.ask({ type: 'subscribe', topics: ['c'] })).error).toBeUndefined()
    expect((await ada.ask({ type: 'subscribe', topics: ['d'] })).error.code).toBe('too_many_subscriptions')
    expect([...app.sessions][0]?.subscriptions).toEqual(['b', 'c'])
  })

  it('never deliver internal events of the server', async () => {
    verifies('delivery.published.internal')
    const { url, app } = await startApp()
    const ada = await connectBare(url)
    await ada.ask({ type: 'subscribe', topics: ['*'] })
    app.bus.publish('orders/1', 'internal')
    app.bus.publish({ topics: ['orders/2'], payload: 'internal' })
    app.bus.publish({ topics: ['orders/2'], payload: 'internal', client: { payload: 'not internal' } })
    await app.publish('$secret/1', 'a wildcard does not match $')
    await app.publish('orders/3', 'public')
    await ada.until(({ topic }) => topic === 'orders/3')
    expect(ada.frames.flatMap(({ topic, payload }) => (topic ? [[topic, payload]] : []))).toEqual([
      ['orders/2', 'not internal'],
      ['orders/3', 'public'],
    ])
  })
})

describe('ctx.broadcast', () => {
  it('reaches every session but the sender’s, and listeners of the bus', async () => {
    verifies('delivery.published.broadcast')
    const { url, app } = await startApp({
      prepare: (app) => void app.handle('typing', (ctx) => ctx.broadcast('room/typing', 'me')),
    })
    const heard: unknown[] = []
    app.bus.subscribe('room/*', ({ payload, actor }) => heard.push([payload, actor?.session]))
    const [ada, bob] = [await connectBare(url), await connectBare(url)]
    for (const client of [ada, bob])
      await client.ask({ type: 'subscribe', topics: ['room/*', 'room/typing'] })
    await ada.ask({ topic: 'typing' })
    await app.publish('room/end')
    for (const client of [ada, bob]) await client.until(({ topic }) => topic === 'room/end')
    expect(ada.on('room/typing')).toEqual([])
    expect(bob.on('room/typing')).toEqual(['me'])
    expect(heard[0]).toEqual(['me', ada.frames[0]?.session])
  })
})

describe('handler errors', () => {
  it('show a coded error to the client, and nothing of other errors', async () => {
    verifies('protocol.errors.shape', 'protocol.errors.internal-id')
    const { url, lines } = await startApp({
      prepare: (app) => {
        app.handle('coded', () => {
          throw new RookeryError('sold_out', 'No tickets left')
        })
        app.handle('secret', () => {
          throw new Error('password is hunter2')
        })
        app.handle('bigint', () => ({ n: 1n }))
        app.handle('config', () => {
          throw new RookeryError('invalid_option', 'the database at 10.0.0.1')
        })
      },
    })
    const ada = await connectBare(url)
    expect((await ada.ask({ topic: 'coded' })).error).toEqual({
      code: 'sold_out',
      message: 'No tickets left',
    })
    for (const topic of ['secret', 'bigint', 'config']) {
      const { error } = await ada.ask({ topic })
      expect(error).toEqual({ code: 'internal', message: 'Internal error', id: expect.any(String) })
      expect(lines.find(({ errorId }) => errorId === error.id)).toMatchObject({ level: 'error', topic })
    }
  })

  it('reach a client as an error frame if the message has no id', async () => {
    verifies('protocol.client-frame.error-without-id', 'protocol.server-frame.error')
    const { url } = await startApp()
    const ada = await connectBare(url)
    ada.send({ topic: 'nobody/home' })
    const { error } = await ada.until(({ type }) => type === 'error')
    expect(error.code).toBe('unknown_topic')
  })
})

describe('app.send', () => {
  it('reaches all sessions of a user or room, or one session, and returns their number', async () => {
    verifies('delivery.send.count', 'delivery.rooms.send')
    const { url, app } = await chat()
    const phone = await connectBare(url, '?username=ada&roomID=42')
    const laptop = await connectBare(url, '?username=ada')
    const bob = await connectBare(url, '?username=bob&roomID=42')
    expect(await app.send({ user: 'ada' }, 'inbox/new', { count: 3 })).toMatchObject({ sessions: 2 })
    expect(await app.send({ room: '42' }, 'note', 1)).toMatchObject({ sessions: 2 })
    const { session } = bob.frames[0] as unknown as { session: string }
    expect(await app.send({ session }, 'psst', 'only bob')).toMatchObject({ sessions: 1 })
    await bob.until(({ topic }) => topic === 'psst')
    await laptop.until(({ topic }) => topic === 'inbox/new')
    await vi.waitFor(() => expect(phone.on('inbox/new')).toEqual([{ count: 3 }]))
    expect(laptop.on('note')).toEqual([])
    expect(phone.on('note')).toEqual([1])
  })

  it('rejects `not_connected` without a session there, and invalid targets and topics with their codes', async () => {
    verifies('delivery.send.not-connected')
    const { url, app } = await chat()
    await expect(app.send({ user: 'ada' }, 'inbox/new')).rejects.toMatchObject({ code: 'not_connected' })
    const ada = await connectBare(url, '?username=a%2Fb%20*')
    expect(await app.send({ user: 'a/b *' }, 'inbox/new')).toMatchObject({ sessions: 1 })
    await ada.until(({ topic }) => topic === 'inbox/new')
    ada.socket.close()
    await vi.waitFor(() => expect(app.sessions.size).toBe(0))
    await expect(app.send({ user: 'a/b *' }, 'inbox/new')).rejects.toMatchObject({ code: 'not_connected' })
    await expect(app.send({ user: 'x' }, 'bad topic')).rejects.toMatchObject({ code: 'invalid_topic' })
    await expect(app.send({} as never, 'x')).rejects.toMatchObject({ code: 'invalid_option' })
    await expect(app.send({ user: '' }, 'x')).rejects.toMatchObject({ code: 'invalid_option' })
  })
})
