import { RookeryError } from 'rookery'
import { rooms } from 'rookery/rooms'
import { sse } from 'rookery/sse'
import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { connectBare } from '../support/bare-client.ts'
import { SseReader } from '../support/sse-reader.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('published messages', () => {
  it('have the payload of the moment of publishing', async () => {
    verifies('delivery.published.snapshot')
    const { url, app } = await startApp()
    const client = await connectBare(url)
    await client.ask({ type: 'subscribe', topics: ['news'] })
    const payload = { list: [1] }
    const published = app.publish('news', payload)
    payload.list.push(2)
    await published
    payload.list.push(3)
    await client.until(({ topic }) => topic === 'news')
    expect(client.on('news')).toEqual([{ list: [1] }])
  })

  it('are queued when app.publish resolves, before a client has them', async () => {
    verifies('delivery.published.resolves-queued')
    const { url, app } = await startApp()
    const client = await connectBare(url)
    await client.ask({ type: 'subscribe', topics: ['news'] })
    const order: string[] = []
    client.socket.on('message', () => order.push('received'))
    await app.publish('news', 1)
    order.push('resolved')
    await client.until(({ topic }) => topic === 'news')
    expect(order).toEqual(['resolved', 'received'])
  })

  it('arrive in the order of publishing, on one topic and on different topics', async () => {
    verifies('delivery.order.one-topic', 'delivery.order.one-node', 'protocol.order.topic-order')
    const { url, app } = await startApp()
    const clients = [await connectBare(url), await connectBare(url)]
    for (const client of clients) await client.ask({ type: 'subscribe', topics: ['one', 'many/*'] })
    for (const number of numbers(500)) void app.publish(number % 3 ? `many/${number % 7}` : 'one', number)
    for (const client of clients) {
      await client.until(({ payload }) => payload === 499)
      const messages = client.frames.filter(({ topic }) => topic !== undefined)
      expect(messages.map(({ payload }) => payload)).toEqual(numbers(500))
    }
  })

  it('of a handler reach the caller before its reply, and all frames arrive in the order of queueing', async () => {
    verifies('delivery.order.publish-before-reply', 'delivery.order.replies')
    const { url } = await startApp({
      prepare: (app) => {
        app.handle('say', async (ctx, payload) => {
          await ctx.publish('said', payload)
          ctx.session.send('sent', payload)
          return payload
        })
      },
    })
    const client = await connectBare(url)
    await client.ask({ type: 'subscribe', topics: ['said'] })
    for (const number of [1, 2, 3])
      expect((await client.ask({ topic: 'say', payload: number })).payload).toBe(number)
    const kinds = client.frames.slice(2).map(({ topic, type, payload }) => [topic ?? type, payload])
    expect(kinds).toEqual(
      [1, 2, 3].flatMap((number) => ['said', 'sent', 'reply'].map((kind) => [kind, number])),
    )
  })
})

describe('topics in the handshake', () => {
  it('are subscribed to before welcome', async () => {
    verifies('delivery.subscriptions.handshake-topics')
    let patterns: readonly string[] = []
    const { url, app } = await startApp({
      plugins: [sse()],
      prepare: (app) => {
        app.sessions.onOpen((session) => {
          patterns = session.subscriptions
          // Published before the welcome of the session.
          void app.publish('news/early', 1)
        })
      },
    })
    const reader = await SseReader.open(`${url}/api/v1/sse?topic=news/*`)
    await reader.until(({ topic }) => topic === 'news/early')
    expect(patterns).toEqual(['news/*'])
    expect(reader.frames.map(({ type, topic }) => type ?? topic)).toEqual(['welcome', 'news/early'])
    expect(app.sessions.size).toBe(1)
  })
})

describe('a session in a room', () => {
  it('is in it before welcome', async () => {
    verifies('delivery.rooms.before-welcome')
    const atOpening: unknown[] = []
    const { url, app } = await startApp({
      plugins: [rooms()],
      prepare: (app) => {
        app.sessions.onOpen(async (session) => {
          atOpening.push(session.subscriptions, await app.send({ room: '42' }, 'rooms/42/early', 1))
        })
      },
    })
    const client = await connectBare(url, '?username=ada&roomID=42')
    await client.until(({ topic }) => topic === 'rooms/42/early')
    expect(atOpening).toEqual([['rooms/42/*'], { sessions: 1, kept: false }])
    expect(client.frames[0]?.type).toBe('welcome')
    expect(app.sessions.size).toBe(1)
  })

  it('that also subscribes to its topics gets each message once', async () => {
    verifies('delivery.rooms.once')
    const { url, app } = await startApp({ plugins: [rooms()] })
    const client = await connectBare(url, '?username=ada&roomID=42')
    await client.ask({ type: 'subscribe', topics: ['rooms/42/*', 'rooms/*/news', 'rooms/42/news'] })
    for (const number of numbers(10)) await app.publish('rooms/42/news', number)
    await app.publish('rooms/42/end')
    await client.until(({ topic }) => topic === 'rooms/42/end')
    expect(client.on('rooms/42/news')).toEqual(numbers(10))
  })

  it('gets no message because of the room after it has left', async () => {
    verifies('delivery.rooms.after-leave')
    const { url, app } = await startApp({ plugins: [rooms()] })
    const client = await connectBare(url, '?username=ada&roomID=42')
    await client.ask({ type: 'subscribe', topics: ['end'] })
    expect((await client.ask({ topic: 'room/leave', payload: { room: '42' } })).error).toBeUndefined()
    await app.publish('rooms/42/news', 'too late')
    await app.publish('end')
    await client.until(({ topic }) => topic === 'end')
    expect(client.on('rooms/42/news')).toEqual([])
  })
})

describe('the end of a session', () => {
  it('comes after everything that the server has queued for it', async () => {
    verifies('delivery.end.flushed-before-close')
    const { url, app } = await startApp()
    const client = await connectBare(url)
    await client.ask({ type: 'subscribe', topics: ['news'] })
    for (const number of numbers(100)) void app.publish('news', number)
    for (const session of app.sessions) session.close(new RookeryError('forbidden'))
    await client.untilClosed()
    expect(client.on('news')).toEqual(numbers(100))
    expect(client.frames.at(-1)).toMatchObject({ type: 'close', error: { code: 'forbidden' } })
  })

  it('with drainDelay, comes after the handlers, and new messages are refused from then on', async () => {
    verifies('delivery.end.drain')
    let finish = () => {}
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const { url, app } = await startApp({
      drainDelay: 50,
      prepare: (app) => {
        app.handle('slow', () => finished)
        app.handle('echo', (_ctx, payload) => payload)
      },
    })
    const client = await connectBare(url)
    const slow = client.ask({ topic: 'slow' })
    expect((await client.ask({ topic: 'echo', payload: 1 })).payload).toBe(1)
    const stopping = app.stop()
    expect((await client.ask({ topic: 'echo', payload: 'in the delay' })).payload).toBe('in the delay')
    await vi.waitFor(async () =>
      expect((await client.ask({ topic: 'echo' })).error?.code).toBe('shutting_down'),
    )
    finish()
    expect((await slow).error).toBeUndefined()
    await stopping
  })
})

describe('an uplink of server-sent events', () => {
  const start = async (limits = {}) => {
    const { url, app } = await startApp({
      limits,
      plugins: [sse({ grace: 60_000 })],
      prepare: (app) => void app.handle('echo', (_ctx, payload) => payload),
    })
    const reader = await SseReader.open(`${url}/api/v1/sse?resume=1&topic=news`)
    const { session } = (await reader.until(({ type }) => type === 'welcome')) as unknown as {
      session: string
    }
    return { url, app, reader, session }
  }

  it('applies a frame without a number each time it arrives', async () => {
    verifies('delivery.sse.unnumbered-frames')
    const { url, reader, session } = await start()
    const body = JSON.stringify({ topic: 'echo', payload: 'again', id: 1 })
    const headers = { 'content-type': 'application/json' }
    for (let count = 0; count < 2; count++)
      expect((await fetch(`${url}/api/v1/sse/${session}`, { method: 'POST', headers, body })).status).toBe(
        200,
      )
    await vi.waitFor(() => expect(reader.frames.filter(({ type }) => type === 'reply')).toHaveLength(2))
  })

  it('keeps the last 1,024 frames, and says unknown_session to a client that missed more', async () => {
    verifies('delivery.sse.kept-frames', 'delivery.sse.unknown-session')
    const { url, app, reader, session } = await start()
    for (const number of numbers(1500)) {
      void app.publish('news', number)
      if (number % 100 === 0) await new Promise(setImmediate)
    }
    await reader.until(({ payload }) => payload === 1499)
    reader.close()
    const resume = (received: number) => `${url}/api/v1/sse?session=${session}&received=${received}`
    // The welcome is the first frame of 1,501.
    const late = await fetch(resume(1501 - 1025))
    expect([late.status, await late.json()]).toMatchObject([404, { error: { code: 'unknown_session' } }])
    const again = await SseReader.open(resume(1501 - 1024))
    await again.until(({ payload }) => payload === 1499)
    expect(again.frames.map(({ payload }) => payload)).toEqual(numbers(1500).slice(-1024))
  })
})
