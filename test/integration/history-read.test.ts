import { describe, expect, it } from 'vitest'
import { history } from '../../plugins/history/index.ts'
import { startApp, type TestAppOptions } from '../support/app.ts'
import { type BareClient, connectBare } from '../support/bare-client.ts'

const start = async (count: number, options: TestAppOptions = {}, maxMessages = 1_000) => {
  const started = await startApp({ ...options, plugins: [history({ topics: ['kept/*'], maxMessages })] })
  for (let number = 1; number <= count; number++) await started.app.publish(`kept/${number % 2}`, number)
  return started
}

const payloads = (messages: readonly { readonly payload: unknown }[]) =>
  messages.map(({ payload }) => payload)

describe('app.history.read', () => {
  it('returns the newest messages, with their topics, cursors and times', async () => {
    const before = Date.now()
    const { app } = await start(5)
    const messages = await app.history.read('kept/*', { last: 2 })
    expect(messages).toEqual([
      { topic: 'kept/0', payload: 4, cursor: expect.any(String), time: expect.any(Number) },
      { topic: 'kept/1', payload: 5, cursor: expect.any(String), time: expect.any(Number) },
    ])
    expect(messages[0]?.time).toBeGreaterThanOrEqual(before)
  })

  it('returns pages forwards and backwards', async () => {
    const { app } = await start(10)
    const first = await app.history.read('kept/1', { since: 'earliest', limit: 2 })
    const second = await app.history.read('kept/1', { since: first[1]?.cursor as string, limit: 9 })
    expect([payloads(first), payloads(second)]).toEqual([
      [1, 3],
      [5, 7, 9],
    ])
    const newest = await app.history.read('kept/*', { last: 3 })
    const older = await app.history.read('kept/*', { before: newest[0]?.cursor as string, limit: 4 })
    expect(payloads(older)).toEqual([4, 5, 6, 7])
  })

  it('refuses what it cannot read', async () => {
    const { app } = await start(3, {}, 1)
    const stale = await start(1)
    const foreign = (await stale.app.history.read('*', { last: 1 }))[0]?.cursor as string
    const read = (options: object, pattern = 'kept/*') => app.history.read(pattern, options)
    await expect(read({})).rejects.toMatchObject({ code: 'invalid_option' })
    await expect(read({ last: 1, since: 'earliest' })).rejects.toMatchObject({ code: 'invalid_option' })
    await expect(read({ last: 1001 })).rejects.toMatchObject({ code: 'invalid_option' })
    await expect(read({ last: 1 }, 'a b')).rejects.toMatchObject({ code: 'invalid_pattern' })
    const epoch = { code: 'invalid_cursor', data: { reason: 'epoch' } }
    await expect(read({ since: foreign })).rejects.toMatchObject(epoch)
    await expect(read({ before: foreign })).rejects.toMatchObject(epoch)
    const without = await startApp()
    expect(() => without.app.history).toThrow(expect.objectContaining({ code: 'missing_provider' }))
  })
})

const page = async (client: BareClient, payload: object) =>
  (await client.ask({ topic: 'history/read', payload })).payload

describe('a client that calls history/read', () => {
  it('reads page by page until there is no more', async () => {
    const { url } = await start(5)
    const client = await connectBare(url)
    const read: unknown[] = []
    for (let since: string | null = 'earliest'; since !== null; ) {
      const { messages, next } = await page(client, { pattern: 'kept/*', since, limit: 2 })
      read.push(payloads(messages))
      since = next
    }
    expect(read).toEqual([[1, 2], [3, 4], [5]])
    const newest = await page(client, { pattern: 'kept/*', last: 2 })
    const older = await page(client, { pattern: 'kept/*', before: newest.next, limit: 9 })
    expect([payloads(newest.messages), payloads(older.messages), older.next]).toEqual([
      [4, 5],
      [1, 2, 3],
      null,
    ])
  })

  it('reads what it may subscribe to', async () => {
    const { url } = await start(6, {
      prepare: (app) =>
        void app.sessions.addAuthorizer({
          authorizePattern: (_session, pattern) => (pattern === 'kept/*' ? 'each' : false),
          authorize: (_session, action, topic) => action === 'send' || topic === 'kept/1',
        }),
    })
    const client = await connectBare(url)
    const { messages, next } = await page(client, { pattern: 'kept/*', since: 'earliest', limit: 4 })
    expect(payloads(messages)).toEqual([1, 3])
    expect(payloads((await page(client, { pattern: 'kept/*', since: next })).messages)).toEqual([5])
    for (const pattern of ['*', 'kept/0']) {
      const { error } = await client.ask({ topic: 'history/read', payload: { pattern, last: 1 } })
      expect(error.code).toBe('forbidden')
    }
  })

  it('gets pages that do not fill its buffer', async () => {
    const { url, app } = await start(0, { limits: { maxBuffered: 8_000 } })
    for (let number = 1; number <= 5; number++) await app.publish('kept/1', `${number}${'x'.repeat(900)}`)
    const client = await connectBare(url)
    const first = (request: { messages: { payload: string }[] }) =>
      request.messages.map(({ payload }) => payload[0])
    const newest = await page(client, { pattern: 'kept/1', last: 5 })
    expect(first(newest)).toEqual(['4', '5'])
    expect(first(await page(client, { pattern: 'kept/1', before: newest.next }))).toEqual(['2', '3'])
    expect(first(await page(client, { pattern: 'kept/1', since: 'earliest' }))).toEqual(['1', '2'])
  })

  it.each([
    [{}, 'invalid_payload'],
    [{ pattern: 'kept/*' }, 'invalid_payload'],
    [{ pattern: 'kept/*', last: 0 }, 'invalid_payload'],
    [{ pattern: 'kept/*', last: 1, since: 'earliest' }, 'invalid_payload'],
    [{ pattern: 'kept/*', since: 'x' }, 'invalid_cursor'],
    [{ pattern: '*/**', last: 1 }, 'invalid_pattern'],
    [{ pattern: '$user/*', last: 1 }, 'reserved_topic'],
  ])('is refused for %j', async (payload, code) => {
    const { url } = await start(1)
    const client = await connectBare(url)
    expect((await client.ask({ topic: 'history/read', payload })).error.code).toBe(code)
  })
})
