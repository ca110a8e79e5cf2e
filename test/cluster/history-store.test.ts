import { cpSync, rmSync } from 'node:fs'
import type { NatsConnection } from '@nats-io/transport-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { NatsHistoryStore } from '../../plugins/nats/history-store.ts'
import { HistoryNode, message } from '../../plugins/testing/history/history-node.ts'
import { rejectionCode } from '../../plugins/testing/rejection-code.ts'
import { withJetStream } from '../support/history-nodes.ts'
import { connectPlain, startNats, until } from '../support/nats.ts'
import { useFolder, useJetStream } from '../support/nats-jetstream.ts'

const LIMITS = { maxMessages: 100_000, maxBytes: 64 * 1024 * 1024, maxAge: 3_600_000 }

const startStore = async (connection: NatsConnection, limits = LIMITS): Promise<HistoryNode> => {
  const store = new NatsHistoryStore(() => ({ connection, connected: !connection.isClosed() }), 'test')
  const node = new HistoryNode(store)
  onTestFinished(() => store.stop())
  await node.start(limits)
  await until(() => node.availability.at(-1))
  return node
}

const appendMany = async ({ store }: HistoryNode, count: number, topics = 10): Promise<void> => {
  let next = 0
  const append = async () => {
    while (next < count) await store.append(message(`t/${next++ % topics}`, 'some text'))
  }
  await Promise.all(Array.from({ length: 100 }, append))
}

describe('the history in JetStream', () => {
  it('reads a range once, however many sessions ask for it', async () => {
    const server = await useJetStream()
    const writer = await startStore(await connectPlain(server))
    await appendMany(writer, 2_000)
    const connection = await connectPlain(server)
    const { store } = await startStore(connection)
    const range = { after: 0, upTo: 2_000, limit: 1_000 }
    const before = connection.stats().inMsgs
    const pages = await Promise.all(Array.from({ length: 50 }, () => store.read(['t/3', 't/5'], range)))
    for (const page of pages) expect(page?.length).toBe(400)
    await store.read(['t/7'], range)
    // The messages, and for each of the eight blocks the answers about a consumer.
    expect(connection.stats().inMsgs - before).toBeLessThan(2_500)
  })

  it('refuses messages beyond those that may be unconfirmed, and the others when JetStream does not answer', async () => {
    const server = await useJetStream()
    const { store } = await startStore(await connectPlain(server))
    server.pause()
    onTestFinished(() => server.resume())
    const appended = Array.from({ length: 4_200 }, () => rejectionCode(store.append(message('a'))))
    const [refused] = await Promise.all(appended.slice(-1))
    expect(refused).toBe('history_unavailable')
    await server.kill()
    expect(new Set(await Promise.all(appended))).toEqual(new Set(['history_unavailable']))
  })

  it('gets a new epoch at every node when the stream is older than what was delivered', async () => {
    const folder = useFolder()
    const server = await startNats('-js', '-sd', folder)
    onTestFinished(() => server.stop())
    const nodes = [
      await startStore(await connectPlain(server)),
      await startStore(await connectPlain(server)),
    ] as const
    const [a, b] = nodes
    await a.append(message('a', 1))
    await server.stop()
    const backup = useFolder()
    cpSync(folder, backup, { recursive: true })
    await server.restart()
    await until(() => nodes.every(({ availability }) => String(availability) === 'true,false,true'))
    await a.append(message('a', 2), message('a', 3))
    await until(() => nodes.every(({ seqs }) => seqs.length === 3))
    const { epoch } = a.store
    await server.stop()
    rmSync(folder, { recursive: true })
    cpSync(backup, folder, { recursive: true })
    await server.restart()
    await until(() => nodes.every(({ store }) => store.epoch !== epoch && store.epoch === a.store.epoch))
    expect(a.store.key).toEqual(b.store.key)
    await until(() => nodes.every(({ availability }) => availability.at(-1)))
    expect(await b.append(message('a', 4))).toEqual([2])
    await until(() => nodes.every(({ delivered }) => delivered.at(-1)?.payload === '4'))
  })

  it('gets a new epoch also when the stream was older, and another node has stored as many messages since', async () => {
    const folder = useFolder()
    const server = await startNats('-js', '-sd', folder)
    onTestFinished(() => server.stop())
    const node = await startStore(await connectPlain(server))
    await node.append(message('a', 1))
    await server.stop()
    const backup = useFolder()
    cpSync(folder, backup, { recursive: true })
    await server.restart()
    await until(() => String(node.availability) === 'true,false,true')
    await node.append(message('a', 2), message('a', 3))
    await until(() => node.seqs.length === 3)
    const { epoch } = node.store
    await server.stop()
    rmSync(folder, { recursive: true })
    cpSync(backup, folder, { recursive: true })
    const other = await startNats('-js', '-sd', folder)
    onTestFinished(() => other.stop())
    const connection = await connectPlain(other)
    const quick = await startStore(connection)
    await quick.append(message('b', 2), message('b', 3))
    await quick.store.stop()
    await connection.close()
    await other.stop()
    await server.restart()
    await until(() => node.store.epoch !== epoch && node.availability.at(-1))
    expect(node.losses).toEqual(['epoch'])
    await node.append(message('a', 4))
    await until(() => node.delivered.at(-1)?.payload === '4')
    expect(node.seqs.at(-1)).toBe(4)
  })

  it('goes on after a message of another program, which matches no pattern', async () => {
    const server = await useJetStream()
    const connection = await connectPlain(server)
    const node = await startStore(connection)
    await node.append(message('a', 1))
    await connection.request('test.history', 'not a message of Rookery')
    await node.append(message('a', 2))
    await until(() => node.seqs.length === 3)
    expect((await node.read(['*', '*/*'], 0, 3)).map(({ seq }) => seq)).toEqual([1, 3])
  })

  it('does not lose the messages of a purge silently', async () => {
    const server = await useJetStream()
    const node = await startStore(await connectPlain(server))
    await node.append(message('a', 1), message('a', 2), message('a', 3))
    await until(() => node.seqs.length === 3)
    expect((await node.read('a', 0, 3)).length).toBe(3)
    await withJetStream(server.url, (manager) => manager.streams.purge('test_history', { seq: 3 }))
    expect(await node.store.read(['a'], { after: 0, upTo: 3, limit: 10 })).toBeUndefined()
    expect((await node.read('a', 2, 3)).length).toBe(1)
    expect(await node.store.first()).toBe(3)
  })

  it('leaves no subscription and no consumer after its stop', async () => {
    const server = await useJetStream()
    const connection = await connectPlain(server)
    const node = await startStore(connection)
    await appendMany(node, 300)
    const reading = rejectionCode(node.store.read(['*'], { after: 0, upTo: 300, limit: 300 }))
    await node.store.stop()
    await reading
    const consumers = await withJetStream(server.url, (manager) =>
      manager.consumers.list('test_history').next(),
    )
    expect(consumers).toEqual([])
    const before = connection.stats().inMsgs
    await connection.request('test.history', '{"topic":"a"}')
    await connection.flush()
    // The confirmation alone.
    expect(connection.stats().inMsgs - before).toBe(1)
  })
})
