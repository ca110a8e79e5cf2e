import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { type ChatClient, connectClient, KINDS, untilOpen } from '../support/cluster-clients.ts'
import { Cluster } from '../support/cluster-harness.ts'
import { slowdown } from '../support/slowdown.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await Cluster.start('e2e-chat')
})
afterAll(async () => {
  await cluster?.stop()
})

/** Connects three clients of each kind through the balancer. */
const connectClients = (room: string, url = cluster.url): ChatClient[] =>
  ['a', 'b', 'c'].flatMap((letter) =>
    KINDS.map((kind) => connectClient(url, `${kind}-${letter}`, kind, room)),
  )

const sequence = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

/** Returns the number of clients at each node. */
const countByNode = async (clients: readonly ChatClient[]): Promise<string> => {
  const nodes = await Promise.all(clients.map((client) => client.node()))
  const counts = cluster.nodes.map(({ id }) => nodes.filter((node) => node === id).length)
  return counts.join(' + ')
}

/** One turn of the event loop, in which sockets are read and written. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('twelve clients of all transports, behind a balancer that sends each request to any node', () => {
  it('receive every message of each client once and in order, without an error', async () => {
    verifies(
      'delivery.published.every-subscriber',
      'delivery.nodes.every-node',
      'delivery.order.of-each-node',
      'delivery.nodes.order',
    )
    const clients = connectClients('all')
    await untilOpen(clients)
    cluster.report(`clients at the nodes: ${await countByNode(clients)}`)
    const start = Date.now()
    for (let round = 0; round < 50; round++) {
      for (const client of clients) client.sendMessage()
      await turn()
    }
    const complete = () => {
      for (const { name, messages } of clients) expect(messages.length, name).toBeGreaterThanOrEqual(600)
    }
    await cluster.timed('12 x 50 messages received by all 12 clients', start, 15_000, complete)
    for (const receiver of clients) {
      for (const { name } of clients) {
        expect(receiver.receivedNumbers(name), `${receiver.name} of ${name}`).toEqual(sequence(50))
      }
      expect(receiver.messages, receiver.name).toHaveLength(600)
      expect([receiver.faults, receiver.sessionCount], receiver.name).toEqual([[], 1])
    }
    cluster.report(`requests and WebSockets by node: ${[...cluster.balancer.picks.values()].join(' + ')}`)
    for (const node of cluster.nodes) expect(node.entries()).toEqual([])
  })

  it('see each member once, and are told once of each join and leave', async () => {
    const first = connectClient(cluster.url, 'first', 'websocket', 'hall')
    await untilOpen([first])
    const clients = connectClients('hall')
    await untilOpen(clients)
    const names = clients.map(({ name }) => name)
    for (const client of clients) {
      const { members, missing, total } = await client.members()
      expect([members.map(({ id }) => id).sort(), missing, total]).toEqual([
        ['first', ...names].sort(),
        [],
        clients.length + 1,
      ])
    }
    await vi.waitFor(() => expect(first.announcements.length).toBeGreaterThanOrEqual(names.length))
    const [leaver, ...rest] = clients as [ChatClient, ...ChatClient[]]
    leaver.close()
    await vi.waitFor(() => {
      for (const client of [first, ...rest])
        expect(client.announcementsOf(leaver.name), client.name).toContain('left:disconnected')
    })
    const { members } = await first.members()
    expect(members).toHaveLength(clients.length)
    expect(names.map((name) => first.announcementsOf(name))).toEqual([
      ['joined', 'left:disconnected'],
      ...rest.map(() => ['joined']),
    ])
    for (const client of rest) {
      for (const { name } of rest) expect(['', 'joined']).toContain(client.announcementsOf(name).join())
    }
  })

  it('join a room that has no members on any node without waiting', async () => {
    for (const node of cluster.nodes) {
      for (const kind of KINDS) {
        const start = Date.now()
        const client = connectClient(node.url, `only-${kind}`, kind, `${node.id}-${kind}`)
        await untilOpen([client])
        const { members, missing } = await client.members()
        expect(Date.now() - start, kind).toBeLessThan(900 * slowdown())
        expect([members, missing]).toEqual([[{ id: client.name, name: client.name }], []])
      }
    }
  })

  it('are answered by the node of their session, whichever node receives the request', async () => {
    const clients = KINDS.map((kind) => connectClient(cluster.url, kind, kind, 'calls'))
    await untilOpen(clients)
    const before = cluster.balancer.picks.size
    for (const client of clients) {
      const owner = await client.node()
      const answers = new Set<string>()
      for (let call = 0; call < 20; call++) answers.add(await client.node())
      expect([...answers], client.name).toEqual([owner])
    }
    expect(before).toBe(cluster.nodes.length)
  })

  it('can be reached by name from any node', async () => {
    const clients = KINDS.map((kind) => connectClient(cluster.url, `to-${kind}`, kind, 'post'))
    await untilOpen(clients)
    for (const from of clients) {
      for (const to of clients) {
        const message = { member: { id: from.name } }
        expect(await from.call('send', { user: to.name, topic: 'rooms/post/joined', message })).toBe(1)
      }
    }
    const refused = clients[0]?.call('send', { user: 'unknown', topic: 'x', message: 1 })
    await expect(refused).rejects.toMatchObject({ code: 'not_connected' })
    for (const client of clients) {
      const delivered = client.announcements.filter(({ id }) => id.startsWith('to-'))
      expect(delivered.length).toBeGreaterThanOrEqual(clients.length)
    }
  })
})
