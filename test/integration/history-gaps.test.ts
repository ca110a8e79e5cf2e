import { describe, expect, it, vi } from 'vitest'
import { RookeryError } from '../../core/protocol/errors.ts'
import { history } from '../../plugins/history/index.ts'
import { MemoryStore } from '../../plugins/history/memory-store.ts'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { type BareClient, connectBare } from '../support/bare-client.ts'

type Options = Partial<Parameters<typeof history>[0]>

const start = (options: Options = {}) => startApp({ plugins: [history({ topics: ['kept/*'], ...options })] })

const resume = async (client: BareClient, since: unknown) => {
  const { id } = await client.ask({ type: 'subscribe', topics: ['kept/*'], since })
  const { recovered, reason } = await client.until((frame) => frame.type === 'replayed' && frame.id === id)
  return { recovered, reason }
}

const cursorOfNow = async (client: BareClient): Promise<string> =>
  (await client.ask({ type: 'subscribe', topics: ['kept/*'] })).payload.cursor

const payloads = (client: BareClient) =>
  client.frames.filter(({ type }) => type === undefined).map(({ payload }) => payload)

/** A store whose server a test can take away, and whose stream it can make anew. */
class FailingStore extends MemoryStore {
  isAway = false
  #host: Parameters<MemoryStore['start']>[0] | undefined

  override start(host: Parameters<MemoryStore['start']>[0]): Promise<void> {
    this.#host = host
    return super.start(host)
  }

  setAway(isAway: boolean): void {
    this.isAway = isAway
    this.#host?.available(!isAway, isAway ? new Error('the server is away') : undefined)
  }

  lose(reason: 'expired' | 'epoch'): void {
    this.#host?.lost(reason)
  }

  override append(...args: Parameters<MemoryStore['append']>): Promise<number> {
    return this.isAway ? Promise.reject(new RookeryError('history_unavailable')) : super.append(...args)
  }

  override async first(): Promise<number> {
    if (this.isAway) throw new RookeryError('history_unavailable')
    return await super.first()
  }
}

/** A store whose stream is the same after a restart, and empty. */
class BackedUpStore extends MemoryStore {
  override readonly epoch = 'always the same'
  override readonly key = Buffer.alloc(16)
}

/** A store of a node that can be cut off from its stream. */
class CutOffStore extends FailingStore {
  override readonly epoch = 'always the same'
  override readonly key = Buffer.alloc(16)
}

describe('a client that comes back is told of a gap', () => {
  it('if messages after its cursor are gone', async () => {
    verifies('delivery.history.no-partial', 'delivery.history.gap-goes-on')
    const { url, app } = await start({ maxMessages: 2 })
    const client = await connectBare(url)
    const cursor = await cursorOfNow(client)
    for (const number of [1, 2, 3]) await app.publish('kept/a', number)
    const second = await connectBare(url)
    expect(await resume(second, cursor)).toEqual({ recovered: false, reason: 'expired' })
    expect(payloads(second)).toEqual([])
    await app.publish('kept/a', 4)
    await vi.waitFor(() => expect(payloads(second)).toEqual([4]))
  })

  it('and is not if exactly the messages before its cursor are gone', async () => {
    const { url, app } = await start({ maxMessages: 2 })
    await app.publish('kept/a', 1)
    const cursor = await cursorOfNow(await connectBare(url))
    for (const number of [2, 3]) await app.publish('kept/a', number)
    const client = await connectBare(url)
    expect(await resume(client, cursor)).toEqual({ recovered: true, reason: undefined })
    expect(payloads(client)).toEqual([2, 3])
  })

  it('if its cursor belongs to another stream, or is none', async () => {
    const other = await start()
    const foreign = await cursorOfNow(await connectBare(other.url))
    const { url } = await start()
    const client = await connectBare(url)
    for (const cursor of [foreign, 'x', 'A'.repeat(22), `${foreign}A`]) {
      expect(await resume(client, cursor)).toEqual({ recovered: false, reason: 'epoch' })
    }
  })

  it('if the stream has not come as far as its cursor', async () => {
    const first = await start({ store: new BackedUpStore() })
    const client = await connectBare(first.url)
    await cursorOfNow(client)
    await first.app.publish('kept/a', 1)
    const { cursor } = await client.until(({ topic }) => topic === 'kept/a')
    // The server starts again with a backup that does not have the message.
    const { url, app } = await start({ store: new BackedUpStore() })
    const second = await connectBare(url)
    expect(await resume(second, cursor)).toEqual({ recovered: false, reason: 'ahead' })
    await app.publish('kept/a', 'goes on')
    await vi.waitFor(() => expect(payloads(second)).toEqual(['goes on']))
  })

  it('not if its node is cut off from the store and has not come as far as its cursor: it asks again', async () => {
    const first = await start({ store: new BackedUpStore() })
    const client = await connectBare(first.url)
    await cursorOfNow(client)
    await first.app.publish('kept/a', 1)
    const { cursor } = await client.until(({ topic }) => topic === 'kept/a')
    const store = new CutOffStore()
    const { url, app } = await start({ store })
    store.setAway(true)
    const second = await connectBare(url)
    const refused = await second.ask({ type: 'subscribe', topics: ['kept/*'], since: cursor })
    expect(refused.error).toMatchObject({ code: 'history_unavailable' })
    store.setAway(false)
    await app.publish('kept/a', 1)
    expect(await resume(second, cursor)).toEqual({ recovered: true, reason: undefined })
    await app.publish('kept/a', 2)
    await vi.waitFor(() => expect(payloads(second)).toEqual([2]))
  })

  it('if the replay is longer than allowed, after as many messages as allowed', async () => {
    verifies('delivery.history.no-partial')
    const { url, app } = await start({ maxReplay: 3 })
    for (const number of [1, 2, 3, 4]) await app.publish('kept/a', number)
    const client = await connectBare(url)
    expect(await resume(client, 'earliest')).toEqual({ recovered: false, reason: 'limit' })
    expect(payloads(client)).toEqual([1, 2, 3])
    expect(await resume(client, { last: 3 })).toEqual({ recovered: true, reason: undefined })
  })

  it('if the store stays away and the messages are not in memory', async () => {
    const store = new FailingStore()
    const { url, app } = await start({ store, replayTimeout: 0 })
    const cursor = await cursorOfNow(await connectBare(url))
    await app.publish('kept/a', 1)
    store.setAway(true)
    const away = await connectBare(url)
    expect(await resume(away, 'earliest')).toEqual({ recovered: false, reason: 'unavailable' })
    expect(await resume(away, cursor)).toEqual({ recovered: true, reason: undefined })
    expect(payloads(away)).toEqual([1])
    store.setAway(false)
    const client = await connectBare(url)
    expect(await resume(client, 'earliest')).toEqual({ recovered: true, reason: undefined })
    expect(payloads(client)).toEqual([1])
  })

  it('if the server keeps no topic of a pattern, which it names', async () => {
    verifies('protocol.history.unkept-patterns')
    const { url } = await start()
    const client = await connectBare(url)
    const since = await cursorOfNow(client)
    const ask = async (...topics: string[]) => {
      const { id } = await client.ask({ type: 'subscribe', topics, since })
      const { recovered, reason, unkept } = await client.until(
        (one) => one.type === 'replayed' && one.id === id,
      )
      return { recovered, reason, unkept }
    }
    expect(await ask('kept/*', '*', 'kept/a')).toEqual({ recovered: true })
    expect(await ask('kept/*', 'news', 'news/*')).toEqual({ recovered: true, unkept: ['news', 'news/*'] })
    expect(await ask('news')).toEqual({ recovered: false, reason: 'unavailable' })
  })

  it('not if the store comes back while the replay waits', async () => {
    verifies('delivery.history.waits')
    const store = new FailingStore()
    const { url, app } = await start({ store })
    await app.publish('kept/a', 1)
    store.setAway(true)
    const client = await connectBare(url)
    await client.ask({ type: 'subscribe', topics: ['other'] })
    const resumed = resume(client, 'earliest')
    await app.publish('other', 'does not wait')
    await vi.waitFor(() => expect(payloads(client)).toEqual(['does not wait']))
    store.setAway(false)
    expect(await resumed).toEqual({ recovered: true, reason: undefined })
    expect(payloads(client)).toEqual(['does not wait', 1])
  })

  it('if the app keeps no messages', async () => {
    const { url } = await startApp()
    const client = await connectBare(url)
    expect(await resume(client, 'x')).toEqual({ recovered: false, reason: 'unavailable' })
    expect((await client.ask({ type: 'subscribe', topics: ['kept/*'] })).payload).toEqual({
      topics: ['kept/*'],
    })
  })
})

describe('a connected client', () => {
  it.each(['expired', 'epoch'] as const)('is told if the store loses messages (%s)', async (reason) => {
    verifies('delivery.history.lost-is-told')
    const store = new FailingStore()
    const { url } = await start({ store })
    const client = await connectBare(url)
    const cursor = await cursorOfNow(client)
    store.lose(reason)
    expect(await client.until(({ type }) => type === 'replayed')).toEqual({
      type: 'replayed',
      recovered: false,
      reason,
      cursor,
    })
  })
})

describe('publish', () => {
  it('rejects while the store is away', async () => {
    verifies('delivery.history.publish-stored', 'delivery.history.away-rejects')
    const store = new FailingStore()
    const { app, lines } = await start({ store })
    store.setAway(true)
    await expect(app.publish('kept/a', 1)).rejects.toMatchObject({ code: 'history_unavailable' })
    await app.publish('other', 1)
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: expect.stringContaining('the history is away') }),
    )
  })

  it("delivers a message without keeping it, with whenUnavailable: 'deliver', and says so", async () => {
    verifies('delivery.history.away-delivers')
    const store = new FailingStore()
    const { url, app } = await start({ store, whenUnavailable: 'deliver' })
    const client = await connectBare(url)
    const cursor = await cursorOfNow(client)
    store.setAway(true)
    await app.publish('kept/a', 1)
    expect(await client.until(({ topic }) => topic === 'kept/a')).toEqual({
      topic: 'kept/a',
      payload: 1,
      kept: false,
    })
    store.setAway(false)
    await app.publish('kept/a', 2)
    const second = await connectBare(url)
    await resume(second, cursor)
    expect(payloads(second)).toEqual([2])
  })

  it('stores a message with the same id once', async () => {
    verifies('delivery.history.publish-id')
    const { url, app } = await start()
    const client = await connectBare(url)
    await cursorOfNow(client)
    await app.publish('kept/a', 'first', { id: 'order-7' })
    await app.publish('kept/a', 'again', { id: 'order-7' })
    await app.publish('kept/a', 'other', { id: 'order-8' })
    await vi.waitFor(() => expect(payloads(client)).toEqual(['first', 'other']))
    await expect(app.publish('kept/a', 1, { id: '' })).rejects.toMatchObject({ code: 'invalid_option' })
  })
})
