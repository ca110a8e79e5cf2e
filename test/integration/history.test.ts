import { describe, expect, it, vi } from 'vitest'
import { history } from '../../plugins/history/index.ts'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { type BareClient, connectBare } from '../support/bare-client.ts'
import { deferred } from '../support/deferred.ts'

type Options = Partial<Parameters<typeof history>[0]>

const start = (options: Options = {}, more: Parameters<typeof startApp>[0] = {}) =>
  startApp({ ...more, plugins: [history({ topics: ['kept/*'], ...options }), ...(more.plugins ?? [])] })

/** Subscribes with a position. Resolves with the end of the replay. */
const resume = async (client: BareClient, topics: readonly string[], since: unknown) => {
  const { id } = await client.ask({ type: 'subscribe', topics, since })
  return await client.until((frame) => frame.type === 'replayed' && frame.id === id)
}

const messages = (client: BareClient) => client.frames.filter(({ type }) => type === undefined)
const payloads = (client: BareClient) => messages(client).map(({ payload }) => payload)

/** Subscribes from now on, and resolves with the cursor of the position. */
const cursorOfNow = async (url: string): Promise<string> => {
  const client = await connectBare(url)
  const { payload } = await client.ask({ type: 'subscribe', topics: ['kept/*'] })
  client.socket.close()
  return payload.cursor
}

describe('a client that comes back with a cursor', () => {
  it('gets what was published meanwhile, once and in order, and then what is published', async () => {
    verifies('delivery.history.once-or-gap', 'delivery.history.seamless')
    const { url, app } = await start()
    const first = await connectBare(url)
    const { payload } = await first.ask({ type: 'subscribe', topics: ['kept/*'] })
    await app.publish('kept/a', 1)
    const message = await first.until(({ topic }) => topic === 'kept/a')
    expect(message).toEqual({ topic: 'kept/a', payload: 1, cursor: expect.stringMatching(/^[\w-]{22}$/) })
    expect(payload.cursor).not.toBe(message.cursor)
    first.socket.close()
    await app.publish('kept/b', 2)
    await app.publish('other', 'unseen')
    await app.publish('kept/a', 3)
    const second = await connectBare(url)
    const end = await resume(second, ['kept/*'], message.cursor)
    await app.publish('kept/b', 4)
    await second.until((frame) => frame.payload === 4)
    expect(messages(second).map((one) => [one.payload, one.replayed])).toEqual([
      [2, true],
      [3, true],
      [4, undefined],
    ])
    expect(end).toEqual({ type: 'replayed', id: 1, recovered: true, cursor: messages(second)[1]?.cursor })
  })

  it('may do so any number of times, with and without messages meanwhile', async () => {
    verifies('delivery.history.any-number')
    const { url, app } = await start()
    let cursor: unknown = await cursorOfNow(url)
    for (let round = 0; round < 5; round++) {
      if (round % 2 === 1) await app.publish('kept/a', round)
      const client = await connectBare(url)
      const end = await resume(client, ['kept/*'], cursor)
      expect(end.recovered).toBe(true)
      expect(payloads(client)).toEqual(round % 2 === 1 ? [round] : [])
      cursor = end.cursor
      client.socket.terminate()
    }
  })

  it('gets only the patterns of its request, and only the messages that they match', async () => {
    verifies('delivery.history.patterns')
    const { url, app } = await start()
    const cursor = await cursorOfNow(url)
    for (const topic of ['kept/a', 'kept/b', 'kept/a/c']) await app.publish(topic, topic)
    const client = await connectBare(url)
    await resume(client, ['kept/b'], cursor)
    await resume(client, ['kept/a/*'], cursor)
    expect(payloads(client)).toEqual(['kept/b', 'kept/a/c'])
  })

  it('gets a message of several topics once, with its topics', async () => {
    const { url, app } = await start()
    const cursor = await cursorOfNow(url)
    const topics = ['kept/a', 'elsewhere']
    await app.publish({ topics, payload: 1, client: { topic: 'changed' } })
    const client = await connectBare(url)
    await resume(client, ['elsewhere', 'kept/*'], cursor)
    expect(messages(client)).toMatchObject([{ topic: 'changed', topics, payload: 1, replayed: true }])
  })

  it('gets none of its own broadcasts, also in the session that replaces its own', async () => {
    verifies('delivery.history.broadcast')
    const { url } = await start(
      {},
      { prepare: (app) => app.handle('say', (ctx, text) => ctx.broadcast('kept/say', text)) },
    )
    const first = await connectBare(url)
    const { payload } = await first.ask({ type: 'subscribe', topics: ['kept/*'] })
    const welcome = await first.until(({ type }) => type === 'welcome')
    await first.ask({ topic: 'say', payload: 'mine' })
    const other = await connectBare(url)
    await other.ask({ topic: 'say', payload: 'of another' })
    const second = await connectBare(url, `?previous=${welcome.secret}`)
    await resume(second, ['kept/*'], payload.cursor)
    expect(payloads(second)).toEqual(['of another'])
  })

  it('gets none of its own broadcasts, any number of times after its sessions have ended', async () => {
    verifies('delivery.history.broadcast')
    const { url, app } = await start()
    app.handle('say', (ctx, text) => ctx.broadcast('kept/say', text))
    app.sessions.onAuthenticate(({ query }) =>
      query.has('as') ? { id: query.get('as') as string, name: 'Bob' } : null,
    )
    const cursor = await cursorOfNow(url)
    let secret = ''
    for (const text of ['first', 'second', 'third']) {
      const client = await connectBare(url, `?previous=${secret}`)
      await client.ask({ topic: 'say', payload: text })
      await resume(client, ['kept/*'], cursor)
      expect(payloads(client)).toEqual([])
      const { session, secret: next } = await client.until(({ type }) => type === 'welcome')
      secret = next as string
      client.socket.close()
      await vi.waitFor(() => expect(app.sessions.get(session as string)).toBeUndefined())
    }
    const [id, random, client, proof] = secret.split('.')
    const others = [undefined, `${id}.${random}`, `${id}.${random}..${proof}`, `${id}.${random}.${client}.x`]
    for (const wrong of others) {
      const other = await connectBare(url, wrong && `?previous=${wrong}`)
      await resume(other, ['kept/*'], cursor)
      expect(payloads(other)).toEqual(['first', 'second', 'third'])
    }
    const another = await connectBare(url, `?as=bob&previous=${secret}`)
    await resume(another, ['kept/*'], cursor)
    expect(payloads(another)).toEqual(['first', 'second', 'third'])
  })

  it('gets no broadcast of its own that a handler sends after its session has ended', async () => {
    verifies('delivery.history.broadcast')
    const held = deferred()
    const sent = deferred()
    const { url, app } = await start()
    app.handle('say', async (ctx, text) => {
      await held.promise
      await ctx.broadcast('kept/say', text)
      sent.resolve()
    })
    const cursor = await cursorOfNow(url)
    let secret: unknown = ''
    for (const last of [false, true]) {
      const client = await connectBare(url, `?previous=${secret}`)
      const welcome = await client.until(({ type }) => type === 'welcome')
      secret = welcome.secret
      if (last) {
        client.send({ topic: 'say', payload: 'late' })
        await client.ask({ type: 'subscribe', topics: ['elsewhere'] })
      }
      client.socket.close()
      await vi.waitFor(() => expect(app.sessions.get(welcome.session as string)).toBeUndefined())
    }
    held.resolve()
    await sent.promise
    const client = await connectBare(url, `?previous=${secret}`)
    await resume(client, ['kept/*'], cursor)
    expect(payloads(client)).toEqual([])
  })

  it('gets what it may see by the rights of now', async () => {
    verifies('delivery.history.rights')
    const allowed = new Set(['kept/a', 'kept/b'])
    const prepare = (app: Parameters<NonNullable<Parameters<typeof startApp>[0]>['prepare'] & {}>[0]) =>
      void app.sessions.addAuthorizer({
        authorizePattern: () => 'each',
        authorize: async (_session, _action, topic) => allowed.has(topic),
      })
    const { url, app } = await start({}, { prepare })
    const cursor = await cursorOfNow(url)
    for (const topic of ['kept/a', 'kept/b', 'kept/c']) await app.publish(topic, topic)
    allowed.delete('kept/b')
    const client = await connectBare(url)
    expect((await resume(client, ['kept/*'], cursor)).recovered).toBe(true)
    expect(payloads(client)).toEqual(['kept/a'])
    const { error } = await client.ask({ type: 'subscribe', topics: ['kept/c'], since: cursor })
    expect(error.code).toBe('forbidden')
  })
})

describe('a subscription may begin', () => {
  it.each([
    ['earliest', [1, 2, 3, 4, 5]],
    [{ last: 2 }, [4, 5]],
    [{ last: 99 }, [1, 2, 3, 4, 5]],
    [{ last: 0 }, []],
    [{ ago: 60_000 }, [1, 2, 3, 4, 5]],
  ])('with %j', async (since, expected) => {
    const { url, app } = await start()
    for (const number of [1, 2, 3, 4, 5]) await app.publish('kept/a', number)
    const client = await connectBare(url)
    expect((await resume(client, ['kept/a'], since)).recovered).toBe(true)
    expect(payloads(client)).toEqual(expected)
  })

  it('with the messages of a time', async () => {
    const { url, app } = await start()
    await app.publish('kept/a', 'old')
    const before = Date.now()
    const client = await connectBare(url)
    // A second before the new message, whatever the machine does meanwhile.
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(before + 1_000), {
      interval: 50,
      timeout: 2_000,
    })
    await app.publish('kept/a', 'new')
    await resume(client, ['kept/a'], { ago: Date.now() - before - 500 })
    expect(payloads(client)).toEqual(['new'])
  })
})
