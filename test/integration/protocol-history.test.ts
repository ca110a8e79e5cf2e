import { type App, RookeryError } from 'rookery'
import { type HistoryStore, history } from 'rookery/history'
import { describe, expect, it } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp, type TestAppOptions } from '../support/app.ts'
import { type BareClient, connectBare } from '../support/bare-client.ts'

const CURSOR = expect.stringMatching(/^[\w-]{22}$/)

type Options = Omit<TestAppOptions, 'plugins'> & {
  readonly kept?: Partial<Parameters<typeof history>[0]>
}

const start = ({ kept, ...options }: Options = {}) =>
  startApp({ ...options, plugins: [history({ topics: ['news/*'], ...kept })] })

const publish = async (app: App, ...payloads: readonly unknown[]) => {
  for (const payload of payloads) await app.publish('news/a', payload)
}

/** Connects and subscribes. Resolves with the frames from the reply to the end of the replay. */
const replay = async (url: string, since: unknown, topics: readonly string[] = ['news/*']) => {
  const client = await connectBare(url)
  const reply = await client.ask({ type: 'subscribe', topics, since })
  const end = await client.until(({ type }) => type === 'replayed')
  const messages = client.frames.slice(client.frames.indexOf(reply) + 1, client.frames.indexOf(end))
  return { client, reply, end, messages, payloads: messages.map(({ payload }) => payload) }
}

const until = (client: BareClient, wanted: unknown) => client.until(({ payload }) => payload === wanted)

/** A store that cannot be reached. */
const lostStore = (): HistoryStore => {
  const lost = async () => {
    throw new RookeryError('history_unavailable')
  }
  return {
    epoch: '',
    key: Buffer.alloc(16),
    delivered: 0,
    start: async () => {},
    stop: async () => {},
    append: lost,
    first: lost,
    before: lost,
    read: lost,
    readLast: lost,
  }
}

describe('the position of a session', () => {
  it('is in welcome, in the reply to subscribe, in pings, and in messages of kept topics only', async () => {
    verifies('protocol.history.message-cursor', 'protocol.history.position', 'protocol.history.ping')
    const { url, app } = await start({ pingInterval: 20 })
    const client = await connectBare(url)
    const cursor = client.frames[0]?.cursor
    expect(cursor).toEqual(CURSOR)
    const { payload } = await client.ask({ type: 'subscribe', topics: ['*', 'news/*'] })
    expect(payload).toEqual({ topics: ['*', 'news/*'], cursor })
    await client.until((frame) => frame.type === 'ping' && frame.cursor === cursor)
    await publish(app, 1)
    await app.publish('other', 2)
    const kept = await until(client, 1)
    expect(kept).toEqual({ topic: 'news/a', payload: 1, cursor: CURSOR })
    expect(await until(client, 2)).toEqual({ topic: 'other', payload: 2 })
    await client.until((frame) => frame.type === 'ping' && frame.cursor === kept.cursor)
  })

  it('does not overtake a kept message that waits for an authorizer', async () => {
    verifies('protocol.history.no-overtaking')
    let allow = (_allowed: boolean) => {}
    const { url, app } = await start({
      pingInterval: 20,
      prepare: (app) => {
        app.sessions.addAuthorizer({
          authorize: () => new Promise((resolve) => (allow = resolve)),
          authorizePattern: (_session, pattern) => (pattern === 'news/*' ? 'each' : true),
        })
      },
    })
    const client = await connectBare(url)
    await client.ask({ type: 'subscribe', topics: ['news/*'] })
    await publish(app, 1)
    await client.until((frame) => frame.type === 'ping' && !('cursor' in frame))
    const before = client.frames.length
    await client.until((frame) => frame.type === 'ping' && client.frames.indexOf(frame) > before)
    expect(client.frames.slice(before).filter(({ cursor }) => cursor)).toEqual([])
    allow(true)
    const { cursor } = await until(client, 1)
    await client.until((frame) => frame.type === 'ping' && frame.cursor === cursor)
  })

  it('is opaque: positions next to each other have nothing in common', async () => {
    verifies('protocol.history.opaque')
    const { url, app } = await start()
    await publish(app, ...Array.from({ length: 50 }, (_, index) => index))
    const { messages } = await replay(url, 'earliest')
    const cursors = messages.map(({ cursor }) => String(cursor))
    expect(new Set(cursors).size).toBe(50)
    expect(new Set(cursors.map((cursor) => cursor.slice(0, 6))).size).toBe(50)
    expect(cursors).not.toEqual(cursors.toSorted())
  })

  it('is absent without history', async () => {
    verifies('protocol.history.none')
    const { url, app } = await startApp({ pingInterval: 20 })
    const { client, reply, end } = await replay(url, 'earliest')
    await publish(app, 1)
    await until(client, 1)
    await client.until(({ type }) => type === 'ping')
    expect(JSON.stringify(client.frames)).not.toContain('cursor')
    expect(reply.payload).toEqual({ topics: ['news/*'] })
    expect(end).toEqual({ type: 'replayed', id: reply.id, recovered: false, reason: 'unavailable' })
  })

  it('is absent in a message that could not be kept', async () => {
    verifies('protocol.history.unkept')
    const { url, app } = await start({
      kept: { store: lostStore(), whenUnavailable: 'deliver', replayTimeout: 0 },
    })
    const client = await connectBare(url)
    await client.ask({ type: 'subscribe', topics: ['news/*'] })
    await publish(app, 1)
    expect(await until(client, 1)).toEqual({ topic: 'news/a', payload: 1, kept: false })
    const { end, payloads } = await replay(url, 'earliest')
    expect([payloads, end.reason]).toEqual([[], 'unavailable'])
  })
})

describe('a subscribe frame with since', () => {
  it('is answered by the reply, the replayed messages in order, the end, and live messages', async () => {
    verifies('protocol.history.order', 'protocol.history.recovered')
    const { url, app } = await start()
    await publish(app, 1, 2, 3)
    const { client, reply, end, messages } = await replay(url, 'earliest')
    await publish(app, 4)
    const live = await until(client, 4)
    expect(reply.payload).toEqual({ topics: ['news/*'] })
    expect(messages).toEqual(
      [1, 2, 3].map((payload) => ({ topic: 'news/a', payload, cursor: CURSOR, replayed: true })),
    )
    expect(end).toEqual({ type: 'replayed', id: reply.id, recovered: true, cursor: messages[2]?.cursor })
    expect(client.frames.at(-1)).toEqual(live)
    expect(live).not.toHaveProperty('replayed')
  })

  it('takes one cursor for several patterns with wildcards, on any session, any number of times', async () => {
    verifies('protocol.history.any-session', 'protocol.history.all-patterns')
    const { url, app } = await start({ kept: { topics: ['news/*', 'sport'] } })
    const first = await connectBare(url)
    const { cursor } = first.frames[0] as { cursor?: string }
    first.socket.terminate()
    await app.publish('news/a', 1)
    await app.publish('sport', 2)
    await app.publish('news/b/c', 3)
    for (let round = 0; round < 3; round++) {
      const { payloads, end } = await replay(url, cursor, ['news/*', 'sport'])
      expect([payloads, end.recovered]).toEqual([[1, 2, 3], true])
    }
    expect((await replay(url, cursor, ['*/b/*'])).payloads).toEqual([3])
  })

  it('begins with the oldest message, the newest ones, or those of the last milliseconds', async () => {
    verifies('protocol.history.forms')
    const { url, app } = await start({ kept: { maxReplay: 3 } })
    await publish(app, 1, 2, 3)
    expect((await replay(url, 'earliest')).payloads).toEqual([1, 2, 3])
    expect((await replay(url, { last: 2 })).payloads).toEqual([2, 3])
    expect((await replay(url, { ago: 60_000 })).payloads).toEqual([1, 2, 3])
    await publish(app, 4)
    const { payloads, end } = await replay(url, { last: 1000 })
    expect([payloads, end.recovered]).toEqual([[2, 3, 4], true])
  })

  it('is answered after the one before it; replies to calls do not wait', async () => {
    verifies('protocol.history.waiting')
    const { url, app } = await start({
      prepare: (app) => void app.handle('echo', (_ctx, payload) => payload),
    })
    const fill = 'x'.repeat(20_000)
    await publish(app, ...Array.from({ length: 100 }, (_, number) => ({ number, fill })))
    const client = await connectBare(url)
    client.send({ type: 'subscribe', id: 1001, topics: ['news/*'], since: 'earliest' })
    client.send({ type: 'subscribe', id: 1002, topics: ['news/b'], since: 'earliest' })
    client.send({ type: 'subscribe', id: 1003, topics: ['news/c'] })
    client.send({ topic: 'echo', id: 1004 })
    await client.until(({ id }) => id === 1004)
    await publish(app, 'live')
    await until(client, 'live')
    const kinds = client.frames
      .slice(1)
      .map(({ type, id, payload }) => (type ? `${type} ${id}` : typeof payload))
    const withoutCall = kinds.filter((kind) => kind !== 'reply 1004')
    expect(withoutCall).toEqual([
      'reply 1001',
      ...Array(100).fill('object'),
      'replayed 1001',
      'reply 1002',
      'replayed 1002',
      'reply 1003',
      'string',
    ])
    expect(kinds.indexOf('reply 1004')).toBeLessThan(kinds.indexOf('replayed 1001'))
  })

  it('brings messages again that another subscription of the session has brought', async () => {
    verifies('protocol.history.replayed')
    const { url, app } = await start()
    const client = await connectBare(url)
    await client.ask({ type: 'subscribe', topics: ['news/*'] })
    await publish(app, 1)
    await until(client, 1)
    await client.ask({ type: 'subscribe', topics: ['news/a'], since: 'earliest' })
    await client.until(({ type }) => type === 'replayed')
    expect(client.frames.filter(({ topic }) => topic).map(({ replayed }) => replayed)).toEqual([
      undefined,
      true,
    ])
  })

  it('may have no id', async () => {
    verifies('protocol.history.without-id')
    const { url, app } = await start()
    await publish(app, 1)
    const client = await connectBare(url)
    client.send({ type: 'subscribe', topics: ['news/*'], since: 'earliest' })
    expect(await client.until(({ type }) => type === 'replayed')).toEqual({
      type: 'replayed',
      recovered: true,
      cursor: CURSOR,
    })
    expect(client.frames.slice(1).map(({ type, payload }) => type ?? payload)).toEqual([1, 'replayed'])
  })

  it('replays what the session may see now', async () => {
    verifies('protocol.history.rights')
    let denied = 'news/none'
    const { url, app } = await start({
      prepare: (app) => {
        app.sessions.addAuthorizer({
          authorize: (_session, _action, topic) => topic !== denied,
          authorizePattern: () => 'each',
        })
      },
    })
    await app.publish('news/a', 1)
    await app.publish('news/b', 2)
    expect((await replay(url, 'earliest')).payloads).toEqual([1, 2])
    denied = 'news/a'
    const { payloads, end } = await replay(url, 'earliest')
    expect([payloads, end.recovered]).toEqual([[2], true])
  })

  it('is told of a gap with its reason, and the session goes on', async () => {
    verifies('protocol.history.gap')
    const { url, app } = await start({ kept: { maxMessages: 4, maxReplay: 3 } })
    const cursor = (await connectBare(url)).frames[0]?.cursor
    await publish(app, 1, 2, 3, 4)
    const limited = await replay(url, cursor)
    expect([limited.payloads, limited.end.reason]).toEqual([[1, 2, 3], 'limit'])
    await publish(app, 5)
    for (const [since, reason] of [
      [cursor, 'expired'],
      ['A'.repeat(22), 'epoch'],
      ['no cursor', 'epoch'],
    ]) {
      const { client, reply, end, payloads } = await replay(url, since)
      expect(payloads).toEqual([])
      expect(end).toEqual({ type: 'replayed', id: reply.id, recovered: false, reason, cursor: CURSOR })
      await publish(app, reason)
      await until(client, reason)
    }
  })

  it('is told of no replay if all its patterns are refused', async () => {
    verifies('protocol.history.refused')
    const { url, app } = await start()
    await publish(app, 1)
    const client = await connectBare(url)
    const refused = await client.ask({ type: 'subscribe', topics: ['$x', '$y'], since: 'earliest' })
    expect(refused.payload).toMatchObject({ topics: [], cursor: CURSOR })
    expect((await client.ask({ type: 'subscribe', topics: ['$x'], since: 'earliest' })).error.code).toBe(
      'reserved_topic',
    )
    await client.ask({ type: 'subscribe', topics: ['news/*'] })
    expect(client.frames.map(({ type }) => type)).toEqual(['welcome', 'reply', 'reply', 'reply'])
  })
})
