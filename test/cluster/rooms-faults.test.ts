import { Cluster, RookeryError, type Session } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import type { NodeRegistry } from '../../core/cluster/nodes.ts'
import { createRandom } from '../../plugins/testing/random.ts'
import { startApp } from '../support/app.ts'
import { type BareClient, connectBare } from '../support/bare-client.ts'
import {
  enter,
  join,
  leave,
  member,
  type Node,
  names,
  settle,
  startNodes,
  told,
  untilNothing,
  untilTold,
} from './rooms-support.ts'

const three = async () => {
  const { nodes, cluster } = await startNodes(3)
  const [a, b, c] = nodes as [Node, Node, Node]
  return { nodes, cluster, a, b, c }
}

describe('a node that is cut off', () => {
  it('takes its members out of the rooms of other nodes, and brings each back once', async () => {
    const { nodes, cluster, a, b, c } = await three()
    const ada = await enter(a, 'ada')
    const bob = await enter(b, 'bob')
    await enter(c, 'bob')
    const eve = await enter(b, 'eve')
    await untilTold(ada, '+ada', '+bob', '+eve')
    cluster.cut(b.id)
    await untilTold(ada, '+ada', '+bob', '+eve', '-eve')
    expect(ada.on('rooms/42/left')).toEqual([{ room: '42', member: member('eve'), reason: 'disconnected' }])
    await untilTold(bob, '+bob', '+eve', '-ada')
    expect((await b.rooms.members('42')).items).toEqual([member('bob'), member('eve')])
    expect(await names(a)).toEqual(['ada', 'bob'])
    // The other nodes see these changes after the cut.
    await leave(eve)
    await enter(b, 'zoe')
    cluster.heal(b.id)
    await untilTold(ada, '+ada', '+bob', '+eve', '-eve', '+zoe')
    await untilTold(bob, '+bob', '+eve', '-ada', '-eve', '+zoe', '+ada')
    await settle(nodes, [ada, bob])
    expect(told(ada)).toHaveLength(5)
    expect(told(bob)).toHaveLength(6)
    for (const node of nodes) expect(await names(node)).toEqual(['ada', 'bob', 'zoe'])
  })

  it('sees the rooms that began during the cut, and their members see its members', async () => {
    const { nodes, cluster, a, b } = await three()
    cluster.cut(b.id)
    const ada = await enter(a, 'ada')
    const bob = await enter(b, 'bob')
    cluster.heal(b.id)
    await untilTold(ada, '+ada', '+bob')
    await untilTold(bob, '+bob', '+ada')
    for (const node of nodes) expect(await names(node)).toEqual(['ada', 'bob'])
  })

  it('leaves no member behind whose change arrived last', async () => {
    const { nodes, cluster, a, b, c } = await three()
    const [ada, eve] = [await enter(a, 'ada'), await enter(c, 'eve')]
    await enter(b, 'bob')
    await connectBare(b.url, '?username=zoe')
    const [zoe] = b.app.sessions.find({ user: 'zoe' })
    const joining = b.rooms.join(zoe as Session, '42')
    cluster.cut(b.id)
    await joining
    await settle([a, c], [ada, eve])
    expect(told(ada)).toEqual(['+ada', '+eve', '+bob', '-bob'])
    cluster.heal(b.id)
    await untilTold(ada, '+ada', '+eve', '+bob', '-bob', '+bob', '+zoe')
    await settle(nodes, [ada])
    expect(told(ada)).toHaveLength(6)
  })

  it('names the nodes whose members it cannot list', async () => {
    const { a, b, c } = await three()
    await enter(a, 'ada')
    await enter(b, 'bob')
    vi.spyOn(a.app.scope.get(Cluster), 'ask').mockRejectedValue(new RookeryError('cluster_unavailable'))
    expect(await a.rooms.members('8')).toEqual({ items: [], missing: [b.id, c.id].sort() })
    // What this node has told its clients.
    expect(await a.rooms.members('42')).toEqual({ items: [member('ada'), member('bob')], missing: [] })
    const eve = await enter(a, 'eve', '7')
    expect((await eve.ask({ topic: 'room/members' })).payload).toEqual({
      room: '7',
      members: [member('eve')],
      total: 1,
      missing: [b.id, c.id].sort(),
    })
    expect(await a.rooms.close('42')).toBe(1)
  })
})

it('changes that are lost in an unnoticed cut are synchronised after it', async () => {
  const { nodes, a, b } = await three()
  const ada = await enter(a, 'ada')
  const bob = await enter(b, 'bob')
  const eve = await enter(b, 'eve')
  await untilTold(ada, '+ada', '+bob', '+eve')
  const lost = vi.spyOn(b.app.scope.get(Cluster), 'publish').mockImplementation(() => {})
  await enter(b, 'zoe')
  await leave(eve)
  await untilTold(bob, '+bob', '+eve', '+zoe', '-eve')
  lost.mockRestore()
  await settle(nodes, [ada])
  expect(told(ada)).toHaveLength(3)
  const asked = vi.spyOn(a.app.scope.get(Cluster), 'ask')
  // Five calls in one turn make one request.
  for (let time = 0; time < 5; time++) (a.app.cluster as NodeRegistry).changed(b.id, 'restored')
  await untilTold(ada, '+ada', '+bob', '+eve', '+zoe', '-eve')
  await settle(nodes, [ada])
  expect(told(ada)).toHaveLength(5)
  expect(asked.mock.calls.map(([{ method }]) => method)).toEqual(['rooms.members'])
})

it('a node that stops takes its members out, without a message for each', async () => {
  const { nodes, a, b, c } = await three()
  const ada = await enter(a, 'ada')
  const publish = vi.spyOn(b.app.scope.get(Cluster), 'publish')
  for (const name of ['bob', 'eve', 'ada']) await enter(b, name)
  const dashboard = await connectBare(c.url)
  await dashboard.ask({ type: 'subscribe', topics: ['rooms/*'] })
  publish.mockClear()
  await b.app.stop()
  await untilTold(ada, '+ada', '+bob', '+eve', '-bob', '-eve')
  expect(publish.mock.calls.filter(([{ kind }]) => kind === 'rooms')).toEqual([])
  await leave(ada)
  for (const { socket } of [ada, dashboard]) socket.close()
  await untilNothing(nodes)
})

it('a node that does not answer is logged, and asked again', async () => {
  const { nodes, cluster, a, b } = await three()
  const ada = await enter(a, 'ada')
  await enter(b, 'bob')
  const asked = vi.spyOn(a.app.scope.get(Cluster), 'ask')
  const failing = vi.spyOn(b.app.scope.get(Cluster), 'ask')
  failing.mockRejectedValue(new RookeryError('node_unreachable'))
  cluster.cut(b.id)
  cluster.heal(b.id)
  await untilTold(ada, '+ada', '+bob', '-bob', '+bob')
  expect(asked.mock.calls.filter(([{ method }]) => method === 'rooms.members')).toHaveLength(1)
  await vi.waitFor(() =>
    expect(b.lines.filter(({ level, stage }) => level === 'warn' && stage === 'rooms')).toHaveLength(2),
  )
  expect(b.lines.filter(({ level }) => level === 'error')).toEqual([])
  failing.mockRestore()
  cluster.cut(b.id)
  cluster.heal(b.id)
  await settle(nodes, [ada])
  expect(await names(b)).toEqual(['ada', 'bob'])
})

it('changes that arrive while the members of a room are loaded are neither lost nor announced twice', async () => {
  const { nodes, a, b } = await three()
  await enter(b, 'bob')
  const eve = await connectBare(b.url, '?username=eve')
  const backend = a.app.scope.get(Cluster)
  const ask = backend.ask.bind(backend)
  let asked = false
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  vi.spyOn(backend, 'ask').mockImplementation(async (question) => {
    const answers = await ask(question)
    if (question.method === 'rooms.members') {
      asked = true
      await held
    }
    return answers
  })
  const ada = await connectBare(a.url, '?username=ada')
  const joining = join(ada)
  await vi.waitFor(() => expect(asked).toBe(true))
  // The requested list is older than this change.
  await join(eve)
  await untilTold(ada, '+eve')
  expect(await names(b)).toEqual(['bob', 'eve'])
  release()
  await joining
  await untilTold(ada, '+eve', '+ada')
  await leave(eve)
  await untilTold(ada, '+eve', '+ada', '-eve')
  await settle(nodes, [ada])
  expect(told(ada)).toHaveLength(3)
})

it('a node asks for the members of many rooms in several requests', async () => {
  const { nodes, cluster } = await startNodes(2, { maxRooms: 2000 })
  const [a, b] = nodes as [Node, Node]
  const [ada, bob] = [await connectBare(a.url, '?username=ada'), await connectBare(b.url, '?username=bob')]
  const sessions = [a, b].map(({ app }) => [...app.sessions][0] as NonNullable<unknown>)
  cluster.cut(b.id)
  const rooms = Array.from({ length: 1100 }, (_room, index) => `r${index}`)
  for (const room of [...rooms, '__proto__']) {
    await a.rooms.join(sessions[0] as never, room)
    await b.rooms.join(sessions[1] as never, room)
  }
  const asked = vi.spyOn(a.app.scope.get(Cluster), 'ask')
  cluster.heal(b.id)
  const both = (client: BareClient) =>
    told(client).filter((line) => line === '+ada' || line === '+bob').length
  await vi.waitFor(() => expect([both(ada), both(bob)]).toEqual([2202, 2202]))
  expect(asked.mock.calls.map(([{ method }]) => method)).toEqual(Array(3).fill('rooms.members'))
})

it('a node without the rooms plugin has no members', async () => {
  const { nodes, cluster } = await startNodes(1)
  const [a] = nodes as [Node]
  const other = await startApp({ plugins: [cluster.plugin()] })
  const dashboard = await connectBare(other.url)
  await dashboard.ask({ type: 'subscribe', topics: ['rooms/*'] })
  const ada = await enter(a, 'ada')
  await a.rooms.broadcast('42', 'last')
  await dashboard.until(({ topic }) => topic === 'rooms/42/last')
  expect([told(ada), told(dashboard), await names(a)]).toEqual([['+ada'], [], ['ada']])
  cluster.cut(other.app.cluster.node)
  cluster.heal(other.app.cluster.node)
  await settle(nodes, [ada])
  expect(a.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
})

it('after random joins, leaves and cuts, each client was told of joins and leaves in turn, and of the final state', async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
  console.log(`rooms and faults: SEED=${seed}`)
  const random = createRandom(seed, 'rooms and faults')
  const { nodes, cluster } = await three()
  const watchers = await Promise.all(nodes.map((node, index) => enter(node, `w${index}`)))
  await settle(nodes, watchers)
  for (const watcher of watchers) watcher.frames.length = 0
  const devices = await Promise.all(
    nodes.flatMap(({ url }) => ['ada', 'bob', 'eve'].map((name) => connectBare(url, `?username=${name}`))),
  )
  const pending: Promise<unknown>[] = []
  for (let step = 0; step < 300; step++) {
    const device = random.pick(devices)
    const action = random.below(20)
    if (action === 0) cluster.cut(random.pick(nodes).id)
    else if (action <= 2) for (const { id } of nodes) cluster.heal(id)
    else pending.push(action < 12 ? join(device) : leave(device))
    if (random.below(3) === 0) await Promise.all(pending.splice(0))
  }
  await Promise.all(pending)
  for (const { id } of nodes) cluster.heal(id)
  const names = ['ada', 'bob', 'eve', 'w0', 'w1', 'w2']
  await vi.waitFor(
    async () => {
      const lists = await Promise.all(nodes.map(({ rooms }) => rooms.members('42')))
      const inside = lists.map(({ items }) => items.map(({ id }) => id).sort())
      expect(inside[1]).toEqual(inside[0])
      for (const [index, watcher] of watchers.entries()) {
        for (const name of names) {
          const seen = told(watcher).filter((line) => line.slice(1) === name)
          const first = name.startsWith('w') ? '-' : '+'
          const turns = seen.map((_line, at) => ((at % 2 === 0) === (first === '+') ? '+' : '-') + name)
          expect(seen, `w${index} of ${name}`).toEqual(turns)
          const there = seen.length > 0 ? seen.at(-1)?.startsWith('+') : first === '-'
          expect(there, `w${index} of ${name}`).toBe(inside[0]?.includes(name))
        }
      }
    },
    { interval: 20 },
  )
  await settle(nodes, watchers)
  for (const { socket } of [...watchers, ...devices]) socket.close()
  await untilNothing(nodes)
}, 30_000)
