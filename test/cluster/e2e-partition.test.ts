import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Balancer } from '../support/cluster-balancer.ts'
import { BlackHole } from '../support/cluster-black-hole.ts'
import {
  type ChatClient,
  connectClient,
  KINDS,
  missedCount,
  orderFaults,
  sendContinuously,
  untilAllReceive,
  untilOpen,
} from '../support/cluster-clients.ts'
import { type Cluster, useCluster } from '../support/cluster-harness.ts'
import { Namespaces, whyNoNamespaces } from '../support/cluster-namespaces.ts'
import { useServer } from '../support/cluster-nats.ts'
import { freePort } from '../support/nats.ts'

/** A cluster whose third node can be cut off from NATS without a notice to any side. */
interface Divisible {
  readonly cluster: Cluster
  cut(): void
  heal(): void
}

/**
 * Milliseconds within which a loss must be noticed. A node counts as gone 6 s after its last heartbeat, and NATS after
 * two pings in 6 s. Both are checked every 2 s.
 */
const DETECTION_LIMIT_MS = 10_000

/** Starts a balancer for one node, so that clients reach the node over HTTP even if it listens on a Unix socket. */
const balancerFor = async (cluster: Cluster, index: number): Promise<string> => {
  const balancer = await Balancer.listen(cluster.random)
  onTestFinished(() => balancer.close())
  const node = cluster.nodes[index]
  if (node) balancer.add(node)
  return balancer.url
}

const divideAndHeal = async ({ cluster, cut, heal }: Divisible) => {
  const [first, second, cutNode] = cluster.nodes as [
    Cluster['nodes'][0],
    Cluster['nodes'][0],
    Cluster['nodes'][0],
  ]
  const urls = await Promise.all(cluster.nodes.map((_node, index) => balancerFor(cluster, index)))
  const groups = urls.map((url, index) =>
    KINDS.map((kind) => connectClient(url, `${kind}-${index}`, kind, 'room')),
  )
  const all = groups.flat()
  const cutClients = groups[2] as ChatClient[]
  const keptClients = [...(groups[0] as ChatClient[]), ...(groups[1] as ChatClient[])]
  await untilOpen(all)
  const stopSending = sendContinuously(all)
  await untilAllReceive(all)
  // The clients joined one after the other, so each has got announcements of different joins so far.
  const before = new Map(all.map((client) => [client, client.announcements.length]))
  const changes = (of: readonly ChatClient[], by: readonly ChatClient[]) =>
    by.flatMap((client) => of.map(({ name }) => client.announcementsOf(name, before.get(client)).join()))
  const every = (of: readonly ChatClient[], by: readonly ChatClient[], expected: string) => () =>
    expect([...new Set(changes(of, by))]).toEqual([expected])

  const divided = Date.now()
  cut()
  const noticed = (node: Cluster['nodes'][0], other: Cluster['nodes'][0]) => () =>
    expect(node.noticed(other.id, 'left', divided)).toBeDefined()
  await Promise.all([
    cluster.timed('the other nodes have noticed', divided, DETECTION_LIMIT_MS, () => {
      noticed(first, cutNode)()
      noticed(second, cutNode)()
    }),
    cluster.timed('the cut node has lost NATS', divided, DETECTION_LIMIT_MS, async () => {
      const url = urls[2] as string
      expect((await fetch(`${url}/readyz`)).status).toBe(503)
    }),
    cluster.timed('the cut node has noticed', divided, DETECTION_LIMIT_MS, () => {
      noticed(cutNode, first)()
      noticed(cutNode, second)()
    }),
    cluster.timed(
      'the other nodes announce the clients of the cut node as gone',
      divided,
      DETECTION_LIMIT_MS,
      every(cutClients, keptClients, 'left:disconnected'),
    ),
    cluster.timed(
      'the cut node announces the clients of the other nodes as gone',
      divided,
      DETECTION_LIMIT_MS,
      every(keptClients, cutClients, 'left:disconnected'),
    ),
    untilAllReceive(cutClients),
    untilAllReceive(keptClients),
  ])
  // Each side serves its own clients.
  await Promise.all([untilAllReceive(cutClients), untilAllReceive(keptClients)])
  for (const side of [cutClients, keptClients]) {
    const { members } = await (side[0] as ChatClient).members()
    expect(members.map(({ id }) => id).sort()).toEqual(side.map(({ name }) => name).sort())
  }

  const healed = Date.now()
  cluster.report(`divided for ${healed - divided} ms`)
  heal()
  await cluster.timed('the cut node is ready', healed, 15_000, async () =>
    expect((await fetch(`${urls[2]}/readyz`)).status).toBe(200),
  )
  await untilAllReceive(all)
  cluster.report(`all clients receive the messages of all: ${Date.now() - healed} ms`)
  await Promise.all([
    cluster.timed(
      'the other nodes announce the clients of the cut node again',
      healed,
      15_000,
      every(cutClients, keptClients, 'left:disconnected,joined'),
    ),
    cluster.timed(
      'the cut node announces the clients of the other nodes again',
      healed,
      15_000,
      every(keptClients, cutClients, 'left:disconnected,joined'),
    ),
  ])
  await cluster.untilNodesAgree()
  await untilAllReceive(all)
  stopSending()
  for (const client of all) {
    await vi.waitFor(async () => {
      const { members, missing } = await client.members()
      expect([members.map(({ id }) => id).sort(), missing]).toEqual([all.map(({ name }) => name).sort(), []])
    })
    expect([client.sessionCount, client.faults], client.name).toEqual([1, []])
  }
  for (const side of [cutClients, keptClients]) {
    for (const receiver of side) for (const sender of side) expect(missedCount(receiver, sender)).toBe(0)
  }
  const [kept, cutOff] = [keptClients[0] as ChatClient, cutClients[0] as ChatClient]
  cluster.report(
    `messages of a client at the cut node that another client has missed: ${missedCount(kept, cutOff)} of ${cutOff.sentCount}`,
  )
  cluster.report(
    `messages of another client that a client at the cut node has missed: ${missedCount(cutOff, kept)} of ${kept.sentCount}`,
  )
  expect(orderFaults(all)).toEqual([])
}

describe('a node that loses NATS without a notice', () => {
  it('serves its own clients, and recovers afterwards: behind a proxy that drops all data', async () => {
    const port = await freePort()
    const { url } = await useServer({ port })
    const hole = await BlackHole.before(port)
    const servers = [[url], [url], [`nats://127.0.0.1:${hole.port}`]] as const
    const cluster = await useCluster('e2e-black-hole', {
      node: (index) => ({ servers: servers[index] as readonly string[] }),
    })
    await divideAndHeal({ cluster, cut: () => hole.cut(), heal: () => hole.heal() })
  })

  it('serves its own clients, and recovers afterwards: with its network link down', async ({ skip }) => {
    const why = whyNoNamespaces()
    if (why) {
      console.log(`skipped: ${why}`)
      skip(why)
    }
    const namespaces = await Namespaces.open()
    const { first, second, address } = namespaces
    const { url } = await useServer({ host: address, port: 4222, namespaceOf: first })
    const directory = mkdtempSync(join(tmpdir(), 'rookery-partition-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const cluster = await useCluster('e2e-cable', {
      node: (index) => ({
        servers: [url],
        socketPath: join(directory, `node-${index}`),
        namespaceOf: index === 2 ? second : first,
      }),
    })
    await divideAndHeal({ cluster, cut: () => namespaces.cut(), heal: () => namespaces.heal() })
  })
})
