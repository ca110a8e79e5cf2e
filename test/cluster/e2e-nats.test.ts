import { describe, expect, it, vi } from 'vitest'
import { type Cluster, useCluster } from '../support/cluster-harness.ts'
import { useServers } from '../support/cluster-nats.ts'
import {
  chatter,
  disorder,
  invite,
  missed,
  type Person,
  untilAllHear,
  untilOpen,
} from '../support/cluster-clients.ts'

/** Connects two clients to each node, one over WebSocket and one over SSE. They know no other node. */
const settle = async (cluster: Cluster): Promise<readonly (readonly Person[])[]> => {
  const groups = cluster.nodes.map(({ url }, index) => [
    invite(url, `ws-${index}`, 'websocket', 'room'),
    invite(url, `sse-${index}`, 'sse', 'room'),
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
    const groups = await settle(cluster)
    const locals = groups.flat()
    // Their requests go to any node, which for a while cannot reach the node of the session.
    const travellers = ['a', 'b', 'c'].map((letter) => invite(cluster.url, `sse-${letter}`, 'sse', 'room'))
    await untilOpen(travellers)
    const homes = await Promise.all(travellers.map((person) => person.node()))
    const all = [...locals, ...travellers]
    const hush = chatter(all, 50)
    await untilAllHear(all)
    expect(await readiness(cluster)).toEqual(cluster.nodes.map(() => READY))
    const announced = all.map((person) => person.announced.length)

    const killed = Date.now()
    await cluster.nats.kill()
    await cluster.timed('all nodes say 503 degraded', killed, 5_000, async () =>
      expect(await readiness(cluster)).toEqual(cluster.nodes.map(() => DEGRADED)),
    )
    await Promise.all(groups.map((group) => untilAllHear(group)))
    for (const [index, group] of groups.entries()) {
      for (const person of group) {
        const asked = Date.now()
        const { members, missing } = await person.members()
        expect(Date.now() - asked).toBeLessThan(2_000)
        const here = travellers.filter((_person, at) => homes[at] === cluster.nodes[index]?.id)
        expect(members.map(({ id }) => id).sort()).toEqual([...group, ...here].map(({ name }) => name).sort())
        const others = cluster.nodes.filter((_node, other) => other !== index)
        expect([...missing].sort()).toEqual(others.map(({ id }) => id).sort())
      }
    }
    // Clients receive messages from their own node only.
    const apart = locals.map((person) => locals.map(({ name }) => person.latest(name)))
    await untilSaid(all, 30)
    await Promise.all(groups.map((group) => untilAllHear(group)))
    for (const [at, person] of locals.entries()) {
      for (const [of, speaker] of locals.entries()) {
        const together = groups.some((group) => group.includes(person) && group.includes(speaker))
        const silent = person.latest(speaker.name) === apart[at]?.[of]
        expect(silent, `${person.name} of ${speaker.name}`).toBe(!together)
      }
    }
    cluster.report(`NATS was away for ${Date.now() - killed} ms`)

    const restarted = Date.now()
    await cluster.nats.restart()
    await Promise.all([
      cluster.timed('all nodes say 200 ready', restarted, 10_000, async () =>
        expect(await readiness(cluster)).toEqual(cluster.nodes.map(() => READY)),
      ),
      untilAllHear(all).then(() => cluster.report(`everybody hears everybody: ${Date.now() - restarted} ms`)),
    ])
    hush()
    await expectWhole(all)
    // The interruption was shorter than 6 s, so no node counted as gone.
    expect(all.map((person) => person.announced.length)).toEqual(announced)
    for (const [index, group] of groups.entries()) {
      const here = travellers.filter((_person, at) => homes[at] === cluster.nodes[index]?.id)
      for (const hearer of [...group, ...here]) {
        for (const speaker of [...group, ...here]) {
          expect(missed(hearer, speaker), `${hearer.name} of ${speaker.name}`).toBe(0)
        }
      }
    }
    cluster.report(`messages that ws-0 has missed of ws-1: ${missed(all[0]!, all[2]!)} of ${all[2]?.said}`)
  })
})

describe('one of three NATS servers that is killed with kill -9', () => {
  it('interrupts its node for a moment: the node moves to another server, and no other node is affected', async () => {
    const servers = await useServers(3)
    const urls = servers.map(({ url }) => url)
    const cluster = await useCluster('e2e-nats-cluster', {
      node: (index) => ({ servers: [...urls.slice(index), ...urls.slice(0, index)] }),
    })
    const groups = await settle(cluster)
    const all = groups.flat()
    const hush = chatter(all, 20)
    await untilAllHear(all)
    const announced = all.map((person) => person.announced.length)

    const index = cluster.random.below(servers.length)
    const killed = Date.now()
    await servers[index]?.kill()
    await cluster.timed('its node has another server', killed, 10_000, () => {
      const seen = cluster.nodes[index]?.log.map(({ msg }) => msg)
      expect(seen?.indexOf('the cluster is lost: this node is on its own')).toBeGreaterThan(0)
      expect(seen?.at(-1)).not.toBe('the cluster is lost: this node is on its own')
    })
    await untilAllHear(all)
    cluster.report(`everybody hears everybody: ${Date.now() - killed} ms`)
    expect(await readiness(cluster)).toEqual(cluster.nodes.map(() => READY))
    await untilSaid(all, 50)
    await untilAllHear(all)
    hush()
    await expectWhole(all)
    expect(all.map((person) => person.announced.length)).toEqual(announced)
    const moved = groups[index] as readonly Person[]
    const spared = all.filter((person) => !moved.includes(person))
    for (const hearer of spared) for (const speaker of spared) expect(missed(hearer, speaker)).toBe(0)
    const [lost, unheard] = [moved, spared].map((speakers) =>
      speakers.map((speaker) => Math.max(...all.map((hearer) => missed(hearer, speaker)))),
    )
    cluster.report(
      `messages of the node with another server that somebody has missed: ${lost}, of others: ${unheard}`,
    )
    expect(cluster.nodes.map(({ log }) => log.filter(({ msg }) => msg?.includes('is lost')).length)).toEqual(
      cluster.nodes.map((_node, at) => (at === index ? 1 : 0)),
    )
  })
})

/** Checks that all clients see each other, and that no message arrived twice or out of order. */
const expectWhole = async (people: readonly Person[]) => {
  expect(disorder(people)).toEqual([])
  const names = people.map(({ name }) => name).sort()
  for (const person of people) {
    await vi.waitFor(async () => {
      const { members, missing } = await person.members()
      expect([members.map(({ id }) => id).sort(), missing]).toEqual([names, []])
    })
    expect([person.opened, person.troubles], person.name).toEqual([1, []])
  }
}

/** Resolves when every client has sent so many more messages. */
const untilSaid = async (people: readonly Person[], more: number) => {
  const marks = people.map(({ said }) => said + more)
  await vi.waitFor(() => expect(people.every(({ said }, at) => said >= (marks[at] as number))).toBe(true), {
    timeout: 10_000,
    interval: 10,
  })
}
