import { definePlugin } from 'rookery'
import { nats } from 'rookery/nats'
import { describe, expect, it, onTestFinished } from 'vitest'
import { history } from '../../plugins/history/index.ts'
import { rejectionCode } from '../../plugins/testing/rejection-code.ts'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import {
  historyStatus,
  startHistoryNode,
  subscribeKept,
  untilHistory,
  withJetStream,
} from '../support/history-nodes.ts'
import { useNats } from '../support/nats.ts'
import { useJetStream } from '../support/nats-jetstream.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const useProxy = async (port: number): Promise<TcpProxy> => {
  const proxy = await TcpProxy.before(port)
  onTestFinished(() => proxy.close())
  return proxy
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe('a kept message', () => {
  it('is in the pages of its node when publish has resolved', async () => {
    const { url } = await useJetStream()
    const { app } = await startHistoryNode(url)
    for (let number = 1; number <= 200; number++) {
      await app.publish('kept/x', number)
      const [newest] = await app.history.read('kept/*', { last: 1 })
      expect(newest?.payload).toBe(number)
    }
  })
})

describe('a client of a cluster with history', () => {
  it('gets on another node what it has missed, also across a restart of NATS, and then what follows', async () => {
    const server = await useJetStream()
    const [a, b, c] = await Promise.all(Array.from({ length: 3 }, () => startHistoryNode(server.url)))
    if (!a || !b || !c) throw new Error('The nodes have not started')
    const first = await subscribeKept(b)
    await a.app.publish('kept/x', 1)
    await first.untilGot([1])
    const { cursor } = first
    first.client.socket.close()
    await a.app.publish('kept/x', 2)
    await server.kill()
    await untilHistory('unavailable', a, b, c)
    await server.restart()
    await untilHistory('available', a, b, c)
    await b.app.publish('kept/y', 3)
    await a.app.publish('other', 'not kept')
    await a.app.publish('kept/x', 4)
    const second = await subscribeKept(c, cursor)
    expect(await second.replayed()).toMatchObject({ recovered: true })
    await b.app.publish('kept/x', 5)
    await second.untilGot([2, 3, 4, 5])
    const later = await startHistoryNode(server.url)
    const third = await subscribeKept(later, cursor)
    expect(await third.replayed()).toMatchObject({ recovered: true })
    await third.untilGot([2, 3, 4, 5])
    const consumers = () =>
      withJetStream(server.url, (manager) => manager.consumers.list('rookery_history').next())
    expect(await consumers()).toEqual([])
  })

  it('gets none of its own broadcasts on another node, also when its own has gone', async () => {
    verifies('delivery.history.broadcast')
    const server = await useJetStream()
    const a = await startHistoryNode(server.url)
    a.app.handle('say', (ctx, text) => ctx.broadcast('kept/say', text))
    const b = await startHistoryNode(server.url)
    const first = await subscribeKept(a)
    const { secret } = await first.client.until(({ type }) => type === 'welcome')
    const { cursor } = first
    await first.client.ask({ topic: 'say', payload: 'mine' })
    await b.app.publish('kept/x', 'of another')
    await a.app.stop()
    const second = await subscribeKept(b, cursor, `?previous=${secret}`)
    await second.replayed()
    expect(second.payloads).toEqual(['of another'])
  })

  it('gets everything once and in order when its node was cut off from NATS', async () => {
    verifies('delivery.history.one-order', 'delivery.history.any-number')
    const server = await useJetStream()
    const proxy = await useProxy(server.port)
    const a = await startHistoryNode(server.url)
    const b = await startHistoryNode(`127.0.0.1:${proxy.port}`)
    const { untilGot } = await subscribeKept(b)
    await a.app.publish('kept/x', 1)
    await untilGot([1])
    await proxy.block()
    await untilHistory('unavailable', b)
    await Promise.all(numbers(2, 600).map((n) => a.app.publish('kept/x', n)))
    proxy.unblock()
    await untilHistory('available', b)
    await a.app.publish('kept/x', 601)
    await untilGot(numbers(1, 601))
  })

  it('is told that its cursor is of another epoch when the stream was deleted, and goes on', async () => {
    const server = await useJetStream()
    const [a, b] = [await startHistoryNode(server.url), await startHistoryNode(server.url)]
    const first = await subscribeKept(b)
    await a.app.publish('kept/x', 1)
    await a.app.publish('kept/x', 2)
    await first.untilGot([1, 2])
    await withJetStream(server.url, (manager) => manager.streams.delete('rookery_history'))
    expect(await rejectionCode(a.app.publish('kept/x', 'lost'))).toBe('history_unavailable')
    await untilHistory('available', a)
    await a.app.publish('kept/x', 3)
    await first.untilGot([1, 2, 3])
    for (const node of [a, b]) {
      const second = await subscribeKept(
        node,
        first.client.frames.find(({ payload }) => payload === 2)?.cursor,
      )
      expect(await second.replayed()).toMatchObject({ recovered: false, reason: 'epoch' })
      const third = await subscribeKept(node, first.cursor)
      expect(await third.replayed()).toMatchObject({ recovered: true })
      expect(node.lines).toContainEqual(
        expect.objectContaining({
          level: 'error',
          msg: expect.stringMatching(/the stream .* is another one/),
        }),
      )
    }
  })
})

describe('a node with history', () => {
  it('starts while JetStream is away, refuses to store meanwhile, and stores when it is there', async () => {
    const server = await useJetStream()
    const isolate = definePlugin({
      name: 'isolate',
      start: async () => {
        await server.kill()
      },
    })
    const node = await startHistoryNode(server.url, {}, [isolate])
    expect(await historyStatus(node)).toBe('unavailable')
    expect(await rejectionCode(node.app.publish('kept/x', 1))).toBe('history_unavailable')
    await node.app.publish('other', 'delivered')
    await server.restart()
    await untilHistory('available', node)
    const { untilGot } = await subscribeKept(node)
    await node.app.publish('kept/x', 2)
    await untilGot([2])
  })

  it('does not start on a NATS without JetStream, and says how to mend it', async () => {
    const server = await useNats()
    const failed = startHistoryNode(server.url)
    await expect(failed).rejects.toThrow(/start nats-server with JetStream \(-js\)/)
  })

  it('does not use a stream of another program', async () => {
    const server = await useJetStream()
    await withJetStream(server.url, (manager) =>
      manager.streams.add({ name: 'rookery_history', subjects: ['mine'] }),
    )
    await expect(startHistoryNode(server.url)).rejects.toThrow(/'rookery_history' was not created by Rookery/)
  })

  it('gives the stream its own limits, and logs that they were others', async () => {
    const server = await useJetStream()
    const first = await startHistoryNode(server.url, { maxMessages: 10 })
    const { cursor } = await subscribeKept(first)
    for (const n of numbers(1, 10)) await first.app.publish('kept/x', n)
    const second = await startHistoryNode(server.url, { maxMessages: 5, maxAge: '1h' })
    expect(second.lines).toContainEqual(
      expect.objectContaining({ msg: expect.stringMatching(/had other limits/) }),
    )
    const { config } = await withJetStream(server.url, (manager) => manager.streams.info('rookery_history'))
    expect(config).toMatchObject({ max_msgs: 5, max_age: 3_600_000 * 1e6, storage: 'file', num_replicas: 1 })
    const late = await subscribeKept(second, cursor)
    expect(await late.replayed()).toMatchObject({ recovered: false, reason: 'expired' })
  })

  it('refuses to store a message that NATS does not take', async () => {
    const server = await useJetStream()
    const node = await startHistoryNode(server.url)
    const large = 'x'.repeat(1024 * 1024)
    expect(await rejectionCode(node.app.publish('kept/x', large))).toBe('payload_too_large')
  })

  it('shares no message with an app of another prefix', async () => {
    const server = await useJetStream()
    const start = (prefix: string) =>
      startApp({ plugins: [nats({ servers: server.url, prefix }), history({ topics: ['kept/*'] })] })
    const [one, other] = [await start('shop'), await start('shop.live')]
    const [ones, others] = [await subscribeKept(one), await subscribeKept(other)]
    await one.app.publish('kept/x', 1)
    await other.app.publish('kept/x', 2)
    await ones.untilGot([1])
    await others.untilGot([2])
  })
})
