import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
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
import type { NodeProcess } from '../support/cluster-process.ts'
import { slowdown } from '../support/slowdown.ts'

/** Milliseconds within which a loss must be noticed: 6 s after the last heartbeat, checked every 2 s, and 0.5 s more. */
const DETECTION_LIMIT_MS = 8_500

interface Scenario {
  readonly cluster: Cluster
  /** The node that is killed, stopped or frozen. */
  readonly lostNode: NodeProcess
  /** Clients that connect through the balancer. */
  readonly clients: readonly ChatClient[]
  /** Clients that are connected to this node directly. */
  readonly bound: readonly ChatClient[]
  /** Clients that are connected to the other nodes directly, one at each. */
  readonly observers: readonly ChatClient[]
  readonly stopSending: () => void
}

/** Starts a room in which all clients send messages all the time. */
const startChat = async (name: string): Promise<Scenario> => {
  const cluster = await useCluster(name)
  const lostNode = cluster.random.pick(cluster.nodes)
  const observers = cluster
    .others(lostNode)
    .map(({ url }, index) => connectClient(url, `observer-${index}`, 'websocket', 'room'))
  await untilOpen(observers)
  const bound = KINDS.map((kind) => connectClient(lostNode.url, `bound-${kind}`, kind, 'room'))
  const clients = ['a', 'b'].flatMap((letter) =>
    KINDS.map((kind) => connectClient(cluster.url, `${kind}-${letter}`, kind, 'room')),
  )
  const all = [...observers, ...bound, ...clients]
  await untilOpen(all)
  const stopSending = sendContinuously(all)
  await untilAllReceive(all)
  return { cluster, lostNode, clients, bound, observers, stopSending }
}

/** Returns the members that a node lists, and how long the answer took. */
const askMembers = async (cluster: Cluster, observer: ChatClient) => {
  const asked = Date.now()
  const { members, missing } = await observer.members()
  const took = Date.now() - asked
  cluster.report(`${observer.name} gets ${members.length} members, missing [${missing}], in ${took} ms`)
  return { names: members.map(({ id }) => id), missing, took }
}

const noticed = (node: NodeProcess, other: NodeProcess, change: 'left' | 'joined', since: number) => () => {
  const at = node.noticed(other.id, change, since)
  if (at === undefined) throw new Error(`${node.id} has not noticed that ${other.id} has ${change}`)
  return at
}

/** Returns the nodes of the clients that connected through the balancer. */
const nodesOf = (clients: readonly ChatClient[]) =>
  Promise.all(clients.map(async (client) => ({ client, node: await client.node() })))

/** Checks that all clients are members, and get new messages once and in order. */
const expectWhole = async (
  { cluster, clients, observers, stopSending }: Scenario,
  more: readonly ChatClient[] = [],
) => {
  const all = [...observers, ...clients, ...more]
  await untilAllReceive(all)
  stopSending()
  expect(orderFaults(all)).toEqual([])
  for (const client of all) {
    await vi.waitFor(async () => {
      const { members, missing } = await client.members()
      expect([members.map(({ id }) => id).sort(), missing]).toEqual([all.map(({ name }) => name).sort(), []])
    })
  }
  const losses = clients.map((sender) =>
    Math.max(...observers.map((observer) => missedCount(observer, sender))),
  )
  cluster.report(
    `messages of each client that an observer has missed: ${losses.join()} of ${clients[0]?.sentCount}`,
  )
}

/** Checks that clients of other nodes missed no message, even if the lost node held their streams. */
const expectUnharmed = ({ clients, observers }: Scenario, moved: readonly ChatClient[]) => {
  const otherClients = clients.filter((client) => !moved.includes(client))
  for (const client of otherClients) {
    expect([client.sessionCount, client.faults], client.name).toEqual([1, []])
    for (const other of [...otherClients, ...observers]) {
      expect(missedCount(other, client), `${other.name} of ${client.name}`).toBe(0)
      expect(missedCount(client, other), `${client.name} of ${other.name}`).toBe(0)
    }
  }
}

/** Checks that every observer got one announcement of each join and each leave. */
const expectGone = (observers: readonly ChatClient[], clients: readonly ChatClient[]) => {
  for (const observer of observers) {
    for (const { name } of clients)
      expect(observer.announcementsOf(name)).toEqual(['joined', 'left:disconnected'])
  }
}

/** Checks that joins and leaves of a client alternate, and that the client is a member in the end. */
const expectSeenThere = (observers: readonly ChatClient[], clients: readonly ChatClient[]) => {
  for (const observer of observers) {
    for (const { name } of clients) {
      const changes = observer.announcementsOf(name).map((one) => one.split(':')[0])
      expect(changes.at(-1), `${observer.name} of ${name}: ${changes}`).toBe('joined')
      expect(changes.filter((one, index) => one === changes[index - 1])).toEqual([])
    }
  }
}

describe('a node that is killed with kill -9', () => {
  it('is noticed by the other nodes, its clients move to them, and a new node can replace it', async () => {
    verifies('delivery.nodes.killed')
    const scenario = await startChat('e2e-kill')
    const { cluster, lostNode, clients, bound, observers } = scenario
    const otherNodes = cluster.others(lostNode)
    const movedClients = (await nodesOf(clients))
      .filter(({ node }) => node === lostNode.id)
      .map(({ client }) => client)
    const killed = Date.now()
    await cluster.kill(lostNode)

    await Promise.all([
      ...observers.map(async (observer) => {
        const { names, missing, took } = await askMembers(cluster, observer)
        expect(took).toBeLessThan(2_000 * slowdown())
        // Until its members are announced to have left.
        expect(missing).toEqual([])
        expect(names).toEqual(expect.arrayContaining([...observers, ...bound].map(({ name }) => name)))
      }),
      ...movedClients.map((client) =>
        cluster.timed(`${client.name} has moved`, killed, 15_000, () =>
          expect([client.open, client.sessionCount]).toEqual([true, 2]),
        ),
      ),
      ...otherNodes.map((node) =>
        cluster.timed('noticed', killed, DETECTION_LIMIT_MS, noticed(node, lostNode, 'left', killed)),
      ),
      cluster.timed('its members are announced to have left', killed, 10_000, () =>
        expectGone(observers, bound),
      ),
    ])
    cluster.report(`${movedClients.length} of ${clients.length} had to move`)

    const started = Date.now()
    const successor = await cluster.addNode()
    await cluster.untilNodesAgree()
    cluster.report(`a new node is in the cluster: ${Date.now() - started} ms`)
    const newClients: ChatClient[] = []
    let home = ''
    while (home !== successor.id) {
      expect(newClients.length).toBeLessThan(50)
      const newClient = connectClient(
        cluster.url,
        `new-${newClients.length}`,
        cluster.random.pick(KINDS),
        'room',
      )
      newClients.push(newClient)
      await untilOpen([newClient])
      home = await newClient.node()
    }
    sendContinuously(newClients)
    await expectWhole(scenario, newClients)
    expectSeenThere(observers, clients)
    expectUnharmed(scenario, movedClients)
    expectGone(observers, bound)
  })
})

describe('a node that is stopped with SIGTERM', () => {
  it('tells the other nodes at once that it leaves, and its clients move without an error', async () => {
    const scenario = await startChat('e2e-stop')
    const { cluster, lostNode, clients, bound, observers } = scenario
    const otherNodes = cluster.others(lostNode)
    const movedClients = (await nodesOf(clients))
      .filter(({ node }) => node === lostNode.id)
      .map(({ client }) => client)
    const stopped = Date.now()
    expect(await cluster.kill(lostNode, 'SIGTERM')).toBe(0)
    cluster.report(`stopped with exit code 0: ${Date.now() - stopped} ms`)
    for (const node of otherNodes) {
      await cluster.timed('seen to leave', stopped, 3_000, noticed(node, lostNode, 'left', stopped))
    }
    await Promise.all([
      ...movedClients.map(async (client) => {
        await cluster.timed(`${client.name} has moved`, stopped, 10_000, () =>
          expect([client.open, client.sessionCount]).toEqual([true, 2]),
        )
        cluster.report(`${client.name} got the errors ${client.faults}`)
      }),
      cluster.timed('the clients of the node are announced to have left', stopped, 5_000, () =>
        expectGone(observers, bound),
      ),
    ])
    await expectWhole(scenario)
    expectSeenThere(observers, clients)
    expectUnharmed(scenario, movedClients)
    for (const client of clients) {
      expect(client.faults.filter((fault) => fault.startsWith('error:'))).toEqual([])
    }
    for (const node of [lostNode, ...otherNodes]) expect(node.entries()).toEqual([])
  })
})

describe('a node that is frozen with SIGSTOP', () => {
  it('keeps its members in lists until it counts as gone, and joins the cluster again when it continues', async () => {
    const scenario = await startChat('e2e-freeze')
    const { cluster, lostNode, bound, observers } = scenario
    const otherNodes = cluster.others(lostNode)
    // A real balancer removes a node whose /readyz does not answer.
    cluster.balancer.remove(lostNode)
    const frozen = Date.now()
    await lostNode.signal('SIGSTOP')
    await Promise.all(
      observers.map(async (observer) => {
        const { names, missing, took } = await askMembers(cluster, observer)
        expect(took).toBeLessThan(2_000 * slowdown())
        expect(missing).toEqual([])
        expect(names).toEqual(expect.arrayContaining(bound.map(({ name }) => name)))
      }),
    )
    for (const node of otherNodes) {
      await cluster.timed('noticed', frozen, DETECTION_LIMIT_MS, noticed(node, lostNode, 'left', frozen))
    }
    await cluster.timed('its members are announced to have left', frozen, 10_000, () => {
      for (const observer of observers) {
        for (const { name } of bound) expect(observer.announcementsOf(name).at(-1)).toBe('left:disconnected')
      }
    })
    await untilAllReceive(observers)

    const thawed = Date.now()
    await lostNode.signal('SIGCONT')
    cluster.balancer.add(lostNode)
    for (const node of otherNodes) {
      await cluster.timed('seen to come back', thawed, 5_000, noticed(node, lostNode, 'joined', thawed))
    }
    await cluster.timed('its members are announced again', thawed, 10_000, () => {
      for (const observer of observers) {
        for (const { name } of bound)
          expect(observer.announcementsOf(name).at(-1), `${observer.name} of ${name}`).toBe('joined')
      }
    })
    await cluster.untilNodesAgree()
    await untilAllReceive([...observers, ...bound])
    cluster.report(`messages flow again: ${Date.now() - thawed} ms`)
    await expectWhole(scenario, bound)
    expectSeenThere(observers, bound)
    for (const { name, sessionCount, faults } of bound) expect([sessionCount, faults], name).toEqual([1, []])
  })
})
