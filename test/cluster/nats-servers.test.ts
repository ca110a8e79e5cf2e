import { expect, it } from 'vitest'
import {
  freePort,
  type NatsNode,
  type NatsServer,
  settled,
  startNode,
  until,
  useNats,
} from '../support/nats.ts'

/** Starts three servers of one NATS cluster, each of which knows the others. */
const startServers = async (): Promise<NatsServer[]> => {
  const ports = [await freePort(), await freePort(), await freePort()]
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`)
  const cluster = (route: string) => ['--cluster_name', 'c', '--cluster', route, '--routes', routes.join(',')]
  return await Promise.all(routes.map((route) => useNats(...cluster(route))))
}

it('nodes on different servers are one cluster, and move to another server when their own fails', async () => {
  const servers = await startServers()
  const nodes = await Promise.all(
    servers.map((own, index) => {
      const rest = servers.filter((_server, other) => other !== index)
      const all = [own, ...rest].map(({ url }) => url)
      return startNode(own, { nats: { servers: all, noRandomize: true } })
    }),
  )
  const [a, b, c] = nodes as [NatsNode, NatsNode, NatsNode]
  await until(() => nodes.every(({ app }) => app.cluster.nodes().length === 3))
  const heard: string[] = []
  const work: string[] = []
  for (const { app, id } of nodes) {
    app.bus.subscribe('w/*', () => work.push(id), { source: 'cluster' })
    app.bus.subscribe('w/*', () => heard.push(id), { source: 'all' })
  }
  const peers = await Promise.all(nodes.map((node, index) => node.connect(['t/*'], { user: `u${index}` })))

  const works = async (publisher: NatsNode, text: string) => {
    // Interest takes a moment to reach the other servers.
    const start = performance.now()
    await until(() => {
      void publisher.app.publish('t/1', text)
      return peers.every(({ messages }) => messages.some(([, payload]) => payload === text))
    })
    await until(() => {
      publisher.app.bus.publish('w/0', 0)
      return new Set(heard).size === 3
    })
    console.log(`${text}: works after ${Math.round(performance.now() - start)} ms`)
    await settled(...nodes)
    for (const peer of peers) (peer.messages as unknown[]).length = 0
    for (let count = 0; count < 50; count++) await publisher.app.publish('t/1', count)
    await until(() => peers.every(({ messages }) => messages.length >= 50))
    for (const { messages } of peers) {
      expect(messages.map(([, payload]) => payload)).toEqual([...Array(50).keys()])
    }
    await settled(...nodes)
    await until(() => heard.length === 3 * work.length)
    heard.length = work.length = 0
    for (let count = 0; count < 50; count++) publisher.app.bus.publish('w/1', count)
    await until(() => heard.length >= 150 && work.length >= 50)
    expect([heard.length, work.length]).toEqual([150, 50])
    const counts = await Promise.all(
      peers.map((_peer, index) => publisher.app.send({ user: `u${index}` }, 'x', 1)),
    )
    expect(counts.map(({ sessions }) => sessions)).toEqual([1, 1, 1])
    heard.length = work.length = 0
  }

  await works(a, 'with three servers')
  const killed = performance.now()
  await servers[1]?.kill()
  await until(() => b.logged(/the cluster is connected/).length === 1)
  console.log(`the node of the dead server was back after ${Math.round(performance.now() - killed)} ms`)
  await works(b, 'with two servers')
  await works(c, 'with two servers, from elsewhere')
  expect(nodes.map(({ app }) => app.cluster.nodes().length)).toEqual([3, 3, 3])
  for (const node of [a, c]) expect(node.logged(/the cluster is lost/)).toEqual([])
})
