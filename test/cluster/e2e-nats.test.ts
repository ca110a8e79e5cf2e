import { describe, expect, it, vi } from 'vitest'
import {
  type ChatClient,
  connectClient,
  missedCount,
  orderFaults,
  sendContinuously,
  untilAllReceive,
  untilOpen,
} from '../support/cluster-clients.ts'
import { type Cluster, useCluster } from '../support/cluster-harness.ts'
import { useServers } from '../support/cluster-nats.ts'
import { slowdown } from '../support/slowdown.ts'

/** Connects two clients to each node directly, one over WebSocket and one over SSE. */
const connectToEachNode = async (cluster: Cluster): Promise<readonly (readonly ChatClient[])[]> => {
  const groups = cluster.nodes.map(({ url }, index) => [
    connectClient(url, `ws-${index}`, 'websocket', 'room'),
    connectClient(url, `sse-${index}`, 'sse', 'room'),
  ])
  await untilOpen(groups.flat())
  return groups
}

/** Returns the answers of the nodes to a readiness check. */
const readiness = (cluster: Cluster) =>
  Promise.all(
    cluster.nodes.map(async ({ url }) => {
      const response = await fetch(`${url}/readyz`)
      return [response.status, await response.json()]
    }),
  )

const READY = [200, { status: 'ready', checks: { cluster: 'connected' } }]
const DEGRADED = [503, { status: 'degraded', checks: { cluster: 'disconnected' } }]

describe('a NATS server that is killed with kill -9', () => {
  it('leaves each node serving its own clients, and the cluster recovers when NATS is back', async () => {
    const cluster = await useCluster('e2e-nats')
    const groups = await connectToEachNode(cluster)
    const locals = groups.flat()
    // Requests of these clients go to any node, which cannot reach the node of the session while NATS is away.
    const balancedClients = ['a', 'b', 'c'].map((letter) =>
      connectClient(cluster.url, `sse-${letter}`, 'sse', 'room'),
    )
    await untilOpen(balancedClients)
    const nodeIds = await Promise.all(balancedClients.map((client) => client.node()))
    const all = [...locals, ...balancedClients]
    const stopSending = sendContinuously(all, 50)
    await untilAllReceive(all)
    expect(await readiness(cluster)).toEqual(cluster.nodes.map(() => READY))
    const announcementCounts = all.map((client) => client.announcements.length)

    const killed = Date.now()
    await cluster.nats.kill()
    await cluster.timed('all nodes say 503 degraded', killed, 5_000, async () =>
      expect(await readiness(cluster)).toEqual(cluster.nodes.map(() => DEGRADED)),
    )
    await Promise.all(groups.map((group) => untilAllReceive(group)))
    for (const [index, group] of groups.entries()) {
      for (const client of group) {
        const asked = Date.now()
        const { members, missing } = await client.members()
        expect(Date.now() - asked).toBeLessThan(2_000 * slowdown())
        const left = (name: string) => client.announcementsOf(name).at(-1)?.startsWith('left')
        const names = all.map(({ name }) => name).filter((name) => !left(name))
        expect(members.map(({ id }) => id).sort()).toEqual(names.sort())
        // Not the nodes that count as gone by now, whose members have left.
        const others = cluster.nodes.filter((_node, other) => other !== index && !left(`ws-${other}`))
        expect([...missing].sort()).toEqual(others.map(({ id }) => id).sort())
      }
    }
    // Clients receive messages from their own node only.
    const apart = locals.map((client) => locals.map(({ name }) => client.latestNumber(name)))
    await untilSent(all, 30)
    await Promise.all(groups.map((group) => untilAllReceive(group)))
    for (const [at, client] of locals.entries()) {
      for (const [of, sender] of locals.entries()) {
        const together = groups.some((group) => group.includes(client) && group.includes(sender))
        const silent = client.latestNumber(sender.name) === apart[at]?.[of]
        expect(silent, `${client.name} of ${sender.name}`).toBe(!together)
      }
    }
    cluster.report(`NATS was away for ${Date.now() - killed} ms`)

    const restarted = Date.now()
    await cluster.nats.restart()
    await Promise.all([
      cluster.timed('all nodes say 200 ready', restarted, 10_000, async () =>
        expect(await readiness(cluster)).toEqual(cluster.nodes.map(() => READY)),
      ),
      untilAllReceive(all).then(() =>
        cluster.report(`all clients receive the messages of all: ${Date.now() - restarted} ms`),
      ),
    ])
    stopSending()
    await expectWhole(all)
    // The interruption was shorter than 6 s, so no node counted as gone.
    expect(all.map((client) => client.announcements.length)).toEqual(announcementCounts)
    for (const [index, group] of groups.entries()) {
      const here = balancedClients.filter((_client, at) => nodeIds[at] === cluster.nodes[index]?.id)
      for (const receiver of [...group, ...here]) {
        for (const sender of [...group, ...here]) {
          expect(missedCount(receiver, sender), `${receiver.name} of ${sender.name}`).toBe(0)
        }
      }
    }
    cluster.report(
      `messages that ws-0 has missed of ws-1: ${missedCount(all[0]!, all[2]!)} of ${all[2]?.sentCount}`,
    )
  })
})

describe('one of three NATS servers that is killed with kill -9', () => {
  it('interrupts its node for a moment: the node moves to another server, and no other node is affected', async () => {
    const servers = await useServers(3)
    const urls = servers.map(({ url }) => url)
    const cluster = await useCluster('e2e-nats-cluster', {
      node: (index) => ({ servers: [...urls.slice(index), ...urls.slice(0, index)] }),
    })
    const groups = await connectToEachNode(cluster)
    const all = groups.flat()
    const stopSending = sendContinuously(all, 20)
    await untilAllReceive(all)
    const announcementCounts = all.map((client) => client.announcements.length)

    const index = cluster.random.below(servers.length)
    const killed = Date.now()
    await servers[index]?.kill()
    await cluster.timed('its node has another server', killed, 10_000, () => {
      const seen = cluster.nodes[index]?.log.map(({ msg }) => msg)
      expect(seen?.indexOf('the cluster is lost: this node is on its own')).toBeGreaterThan(0)
      expect(seen?.at(-1)).not.toBe('the cluster is lost: this node is on its own')
    })
    await untilAllReceive(all)
    cluster.report(`all clients receive the messages of all: ${Date.now() - killed} ms`)
    expect(await readiness(cluster)).toEqual(cluster.nodes.map(() => READY))
    await untilSent(all, 50)
    await untilAllReceive(all)
    stopSending()
    await expectWhole(all)
    expect(all.map((client) => client.announcements.length)).toEqual(announcementCounts)
    const moved = groups[index] as readonly ChatClient[]
    const unaffected = all.filter((client) => !moved.includes(client))
    for (const receiver of unaffected)
      for (const sender of unaffected) expect(missedCount(receiver, sender)).toBe(0)
    const [lost, missedOfOthers] = [moved, unaffected].map((senders) =>
      senders.map((sender) => Math.max(...all.map((receiver) => missedCount(receiver, sender)))),
    )
    cluster.report(
      `messages of the node with another server that a client has missed: ${lost}, of others: ${missedOfOthers}`,
    )
    expect(cluster.nodes.map(({ log }) => log.filter(({ msg }) => msg?.includes('is lost')).length)).toEqual(
      cluster.nodes.map((_node, at) => (at === index ? 1 : 0)),
    )
  })
})

/** Checks that all clients see each other, and that no message arrived twice or out of order. */
const expectWhole = async (clients: readonly ChatClient[]) => {
  expect(orderFaults(clients)).toEqual([])
  const names = clients.map(({ name }) => name).sort()
  for (const client of clients) {
    await vi.waitFor(async () => {
      const { members, missing } = await client.members()
      expect([members.map(({ id }) => id).sort(), missing]).toEqual([names, []])
    })
    expect([client.sessionCount, client.faults], client.name).toEqual([1, []])
  }
}

/** Resolves when every client has sent `more` further messages. */
const untilSent = async (clients: readonly ChatClient[], more: number) => {
  const targets = clients.map(({ sentCount }) => sentCount + more)
  await vi.waitFor(
    () => expect(clients.every(({ sentCount }, at) => sentCount >= (targets[at] as number))).toBe(true),
    { interval: 10 },
  )
}
