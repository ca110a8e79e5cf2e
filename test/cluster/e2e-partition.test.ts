import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Balancer } from '../support/cluster-balancer.ts'
import { BlackHole } from '../support/cluster-black-hole.ts'
import { type Cluster, useCluster } from '../support/cluster-harness.ts'
import { Namespaces, whyNoNamespaces } from '../support/cluster-namespaces.ts'
import { useServer } from '../support/cluster-nats.ts'
import {
  chatter,
  disorder,
  invite,
  KINDS,
  missed,
  type Person,
  untilAllHear,
  untilOpen,
} from '../support/cluster-clients.ts'
import { freePort } from '../support/nats.ts'

/** A cluster whose third node can be cut off from NATS without a notice to any side. */
interface Divisible {
  readonly cluster: Cluster
  cut(): void
  heal(): void
}

/** A node counts as gone 6 s after its last heartbeat, and NATS after two pings in 6 s. Both are checked every 2 s. */
const NOTICED = 10_000

/** One balancer for each node, so that its clients reach it at any address. */
const doorTo = async (cluster: Cluster, index: number): Promise<string> => {
  const balancer = await Balancer.listen(cluster.random)
  onTestFinished(() => balancer.close())
  const node = cluster.nodes[index]
  if (node) balancer.add(node)
  return balancer.url
}

const divideAndHeal = async ({ cluster, cut, heal }: Divisible) => {
  const [first, second, island] = cluster.nodes as [
    Cluster['nodes'][0],
    Cluster['nodes'][0],
    Cluster['nodes'][0],
  ]
  const urls = await Promise.all(cluster.nodes.map((_node, index) => doorTo(cluster, index)))
  const groups = urls.map((url, index) => KINDS.map((kind) => invite(url, `${kind}-${index}`, kind, 'room')))
  const all = groups.flat()
  const islanders = groups[2] as Person[]
  const mainland = [...(groups[0] as Person[]), ...(groups[1] as Person[])]
  await untilOpen(all)
  const hush = chatter(all)
  await untilAllHear(all)
  // The clients joined one after the other, so each was told of different joins until now.
  const before = new Map(all.map((person) => [person, person.announced.length]))
  const news = (of: readonly Person[], by: readonly Person[]) =>
    by.flatMap((person) => of.map(({ name }) => person.news(name, before.get(person)).join()))
  const every = (of: readonly Person[], by: readonly Person[], expected: string) => () =>
    expect([...new Set(news(of, by))]).toEqual([expected])

  const divided = Date.now()
  cut()
  const noticed = (node: Cluster['nodes'][0], other: Cluster['nodes'][0]) => () =>
    expect(node.noticed(other.id, 'left', divided)).toBeDefined()
  await Promise.all([
    cluster.timed('the mainland has noticed', divided, NOTICED, () => {
      noticed(first, island)()
      noticed(second, island)()
    }),
    cluster.timed('the island has lost NATS', divided, NOTICED, async () => {
      const url = urls[2] as string
      expect((await fetch(`${url}/readyz`)).status).toBe(503)
    }),
    cluster.timed('the island has noticed', divided, NOTICED, () => {
      noticed(island, first)()
      noticed(island, second)()
    }),
    cluster.timed(
      'the mainland sees the islanders gone',
      divided,
      NOTICED,
      every(islanders, mainland, 'left:disconnected'),
    ),
    cluster.timed(
      'the islanders see the mainland gone',
      divided,
      NOTICED,
      every(mainland, islanders, 'left:disconnected'),
    ),
    untilAllHear(islanders),
    untilAllHear(mainland),
  ])
  // Each side serves its own clients.
  await Promise.all([untilAllHear(islanders), untilAllHear(mainland)])
  for (const side of [islanders, mainland]) {
    const { members } = await (side[0] as Person).members()
    expect(members.map(({ id }) => id).sort()).toEqual(side.map(({ name }) => name).sort())
  }

  const healed = Date.now()
  cluster.report(`divided for ${healed - divided} ms`)
  heal()
  await cluster.timed('the island is ready', healed, 15_000, async () =>
    expect((await fetch(`${urls[2]}/readyz`)).status).toBe(200),
  )
  await untilAllHear(all)
  cluster.report(`everybody hears everybody: ${Date.now() - healed} ms`)
  await Promise.all([
    cluster.timed(
      'the mainland sees the islanders again',
      healed,
      15_000,
      every(islanders, mainland, 'left:disconnected,joined'),
    ),
    cluster.timed(
      'the islanders see the mainland again',
      healed,
      15_000,
      every(mainland, islanders, 'left:disconnected,joined'),
    ),
  ])
  await cluster.agrees()
  await untilAllHear(all)
  hush()
  for (const person of all) {
    await vi.waitFor(async () => {
      const { members, missing } = await person.members()
      expect([members.map(({ id }) => id).sort(), missing]).toEqual([all.map(({ name }) => name).sort(), []])
    })
    expect([person.opened, person.troubles], person.name).toEqual([1, []])
  }
  for (const side of [islanders, mainland]) {
    for (const hearer of side) for (const speaker of side) expect(missed(hearer, speaker)).toBe(0)
  }
  const [inland, abroad] = [mainland[0] as Person, islanders[0] as Person]
  cluster.report(
    `messages of an islander that the mainland has missed: ${missed(inland, abroad)} of ${abroad.said}`,
  )
  cluster.report(
    `messages of the mainland that an islander has missed: ${missed(abroad, inland)} of ${inland.said}`,
  )
  expect(disorder(all)).toEqual([])
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
    const { mainland, island, address } = namespaces
    const { url } = await useServer({ host: address, port: 4222, namespaceOf: mainland })
    const directory = mkdtempSync(join(tmpdir(), 'rookery-partition-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const cluster = await useCluster('e2e-cable', {
      node: (index) => ({
        servers: [url],
        socketPath: join(directory, `node-${index}`),
        namespaceOf: index === 2 ? island : mainland,
      }),
    })
    await divideAndHeal({ cluster, cut: () => namespaces.cut(), heal: () => namespaces.heal() })
  })
})
