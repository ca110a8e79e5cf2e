import { expect, it } from 'vitest'
import { startHistoryNode, subscribeKept, untilHistory, withJetStream } from '../support/history-nodes.ts'
import { useJetStreamServers } from '../support/nats-jetstream.ts'

it('the history of three NATS servers survives the loss of the one that leads its stream', async () => {
  const servers = await useJetStreamServers(3)
  const urls = servers.map(({ url }) => url)
  const node = await startHistoryNode(urls)
  await untilHistory('available', node)
  const { untilGot } = await subscribeKept(node)
  await node.app.publish('kept/x', 1, { id: 'one' })
  await untilGot([1])
  const { config, cluster } = await withJetStream(urls, (manager) => manager.streams.info('rookery_history'))
  expect(config.num_replicas).toBe(3)
  const leader = servers[Number(cluster?.leader?.replace('server-', ''))]
  await leader?.kill()
  await expect
    .poll(() => node.app.publish('kept/x', 2, { id: 'two' }).then(() => 'stored', String), {
      timeout: 60_000,
    })
    .toBe('stored')
  await node.app.publish('kept/x', 'again', { id: 'one' })
  await node.app.publish('kept/x', 3)
  await untilGot([1, 2, 3])
})
