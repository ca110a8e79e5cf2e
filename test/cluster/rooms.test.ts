import { Cluster, RookeryError } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { connectBare } from '../support/bare-client.ts'
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

const three = async (...options: Parameters<typeof startNodes> extends [number, ...infer R] ? R : never) => {
  const { nodes, cluster } = await startNodes(3, ...options)
  const [a, b, c] = nodes as [Node, Node, Node]
  return { nodes, cluster, a, b, c }
}

describe('a room on several nodes', () => {
  it('tells its members who joins and leaves on any node, and why', async () => {
    const { a, b, c } = await three()
    const ada = await enter(a, 'ada')
    const bob = await enter(b, 'bob')
    const eve = await enter(c, 'eve')
    await leave(eve)
    await untilTold(ada, '+ada', '+bob', '+eve', '-eve')
    bob.socket.terminate()
    await untilTold(ada, '+ada', '+bob', '+eve', '-eve', '-bob')
    expect(told(bob)).toEqual(['+bob', '+eve', '-eve'])
    expect(ada.on('rooms/42/joined')[1]).toEqual({ room: '42', member: member('bob') })
    expect(ada.on('rooms/42/left')).toEqual([
      { room: '42', member: member('eve'), reason: 'left' },
      { room: '42', member: member('bob'), reason: 'disconnected' },
    ])
  })

  it('lists its members on every node, in the order of joining', async () => {
    const { nodes, a, b, c } = await three()
    await enter(b, 'bob')
    const ada = await enter(a, 'ada')
    const phone = await connectBare(c.url, '?username=bob')
    const { payload } = await join(phone)
    expect(payload).toEqual({ room: '42', members: [member('bob'), member('ada')], total: 2, missing: [] })
    for (const node of nodes) expect(await names(node)).toEqual(['bob', 'ada'])
    expect((await ada.ask({ topic: 'room/members' })).payload).toEqual(payload)
    expect(nodes.map(({ rooms }) => rooms.list())).toEqual([['42'], ['42'], ['42']])
    expect(await a.rooms.members('nowhere')).toEqual({ items: [], missing: [] })
  })

  it('announces a user with devices on two nodes with the first device, and the leave with the last', async () => {
    const { nodes, a, b, c } = await three()
    const bob = await enter(c, 'bob')
    const eve = await enter(a, 'eve')
    const phone = await enter(a, 'ada')
    const laptop = await enter(b, 'ada')
    await leave(phone)
    await settle(nodes, [bob, eve, laptop])
    expect([told(bob), told(eve)]).toEqual([
      ['+bob', '+eve', '+ada'],
      ['+eve', '+ada'],
    ])
    await leave(laptop)
    await untilTold(bob, '+bob', '+eve', '+ada', '-ada')
    await untilTold(eve, '+eve', '+ada', '-ada')
  })

  it('announces the user once if the devices join, and leave, at the same moment', async () => {
    const { nodes, a, b, c } = await three()
    const watchers = await Promise.all([enter(a, 'w1'), enter(b, 'w2'), enter(c, 'w3')])
    const devices = await Promise.all(nodes.map(({ url }) => connectBare(url, '?username=ada')))
    const expected: string[] = []
    for (let round = 0; round < 5; round++) {
      await Promise.all(devices.map((device) => join(device)))
      await Promise.all(devices.map((device) => leave(device)))
      await settle(nodes, watchers)
      expected.push('+ada', '-ada')
      for (const watcher of watchers) {
        expect(told(watcher).filter((line) => line.endsWith('ada'))).toEqual(expected)
      }
    }
  })

  it('shows two members to each other that are the first at their nodes at the same moment', async () => {
    const { a, b, nodes } = await three()
    const clients = await Promise.all([
      connectBare(a.url, '?username=ada'),
      connectBare(b.url, '?username=bob'),
    ])
    for (let round = 0; round < 10; round++) {
      const replies = await Promise.all(clients.map((client) => join(client)))
      await settle(nodes.slice(0, 2), clients)
      for (const [index, client] of clients.entries()) {
        const listed: string[] = replies[index]?.payload.members.map(({ id }: { id: string }) => `+${id}`)
        const news = told(client).slice()
        expect(new Set([...listed, ...news])).toEqual(new Set(['+ada', '+bob']))
        expect(news).toHaveLength(new Set(news).size)
        client.frames.length = 0
      }
      for (const client of clients) await leave(client)
      for (const client of clients) client.frames.length = 0
    }
  })

  it('tells subscribers on nodes without members of each change once', async () => {
    const { nodes, a, b, c } = await three()
    const dashboard = await connectBare(c.url)
    await dashboard.ask({ type: 'subscribe', topics: ['rooms/*'] })
    const phone = await enter(a, 'ada')
    const laptop = await enter(b, 'ada')
    await enter(b, 'bob')
    await leave(phone)
    await leave(laptop)
    await untilTold(dashboard, '+ada', '+bob', '-ada')
    await settle(nodes, [dashboard])
    expect(told(dashboard)).toEqual(['+ada', '+bob', '-ada'])
    // It sees the same with a member on its node.
    const eve = await enter(c, 'eve')
    await leave(eve)
    await untilTold(dashboard, '+ada', '+bob', '-ada', '+eve', '-eve')
  })

  it('tells the listeners of the bus on the node of the change', async () => {
    const { a, b, c } = await three()
    const heard: string[] = []
    for (const [name, { app }] of Object.entries({ a, b, c })) {
      app.bus.subscribe('rooms/*', ({ topics, actor }) => heard.push(`${name} ${topics} ${actor?.user}`))
    }
    const all: string[] = []
    c.app.bus.subscribe('rooms/*', ({ topics }) => all.push(...topics), { source: 'all' })
    const phone = await enter(a, 'ada')
    const laptop = await enter(b, 'ada')
    await leave(phone)
    await vi.waitFor(async () => expect((await b.rooms.members('42')).items).toHaveLength(1))
    await leave(laptop)
    await vi.waitFor(() => expect(all).toEqual(['rooms/42/joined', 'rooms/42/left', 'rooms/42/ended']))
    expect(heard).toEqual(['a rooms/42/joined ada', 'b rooms/42/left ada', 'b rooms/42/ended undefined'])
  })

  it('with announce: false tells no client on any node, and still lists the members', async () => {
    const { nodes, a, b, c } = await three({ announce: false })
    const dashboard = await connectBare(c.url)
    await dashboard.ask({ type: 'subscribe', topics: ['rooms/*'] })
    const heard: string[] = []
    b.app.bus.subscribe('rooms/*/left', ({ topics }) => heard.push(...topics))
    const ada = await enter(a, 'ada')
    const bob = await enter(b, 'bob')
    const phone = await enter(b, 'ada')
    await leave(phone)
    await leave(bob)
    await settle(nodes, [ada, dashboard])
    expect([told(ada), told(bob), told(dashboard)]).toEqual([[], [], []])
    expect(heard).toEqual(['rooms/42/left'])
    expect(await names(c)).toEqual(['ada'])
  })
})

describe('a server that closes a room', () => {
  it('removes its members on every node, tells them once, and counts each once', async () => {
    const { nodes, a, b, c } = await three()
    const heard: string[] = []
    for (const { app } of nodes) {
      app.bus.subscribe('rooms/42/ended', () => heard.push('ended'))
      app.bus.subscribe('rooms/42/closed', () => heard.push('closed'))
    }
    const clients = [
      await enter(a, 'ada'),
      await enter(b, 'ada'),
      await enter(b, 'bob'),
      await enter(a, 'eve'),
    ]
    const dashboard = await connectBare(c.url)
    await dashboard.ask({ type: 'subscribe', topics: ['rooms/*'] })
    await settle(nodes, clients)
    // Closed by a node without members.
    expect(await c.rooms.close('42', new RookeryError('room_closed', 'Time is up'))).toBe(3)
    expect(await c.rooms.close('42')).toBe(0)
    expect(await a.rooms.close('42')).toBe(0)
    for (const client of clients) {
      expect((await client.ask({ topic: 'room/members' })).error.code).toBe('not_in_room')
      expect(client.on('rooms/42/closed')).toEqual([
        { room: '42', error: { code: 'room_closed', message: 'Time is up' } },
      ])
      expect(client.on('rooms/42/left')).toEqual([])
    }
    await settle(nodes, [dashboard])
    expect(dashboard.on('rooms/42/closed')).toHaveLength(1)
    expect(dashboard.on('rooms/42/left')).toEqual([])
    expect(heard).toEqual(['closed', 'ended'])
    dashboard.socket.close()
    for (const client of clients) client.socket.close()
    await untilNothing(nodes)
  })

  it('updates the member lists of nodes that it cannot ask', async () => {
    const { nodes, a, b } = await three()
    const ada = await enter(a, 'ada')
    const bob = await enter(b, 'bob')
    await settle(nodes, [ada, bob])
    const ask = vi.spyOn(a.app.scope.get(Cluster), 'ask')
    ask.mockRejectedValue(new RookeryError('cluster_unavailable'))
    expect(await a.rooms.close('42')).toBe(1)
    ask.mockRestore()
    await join(ada)
    await untilTold(bob, '+bob', '-ada', '+ada')
    expect(await names(a)).toEqual(['bob', 'ada'])
  })

  it('leaves a room that can be joined again', async () => {
    const { a, b } = await three()
    const ada = await enter(a, 'ada')
    const bob = await enter(b, 'bob')
    expect(await a.rooms.close('42')).toBe(2)
    await join(bob)
    expect((await join(ada)).payload.members).toEqual([member('bob'), member('ada')])
    await untilTold(bob, '+bob', '+bob', '+ada')
  })
})

it('a room leaves nothing behind when its last member has left, and other rooms go on', async () => {
  const { nodes, a, b } = await three()
  const clients = await Promise.all(
    nodes.flatMap((node) => ['ada', 'bob', 'eve'].map((name) => enter(node, name))),
  )
  await Promise.all(clients.map((client) => join(client, '7')))
  const stays = await enter(a, 'zoe', '8')
  for (const [index, { socket }] of clients.entries()) index % 2 ? socket.terminate() : socket.close()
  await vi.waitFor(() => expect(b.usage()).toMatchObject({ rooms: 0, replicas: 0 }))
  expect(a.rooms.list()).toContain('8')
  stays.socket.close()
  await untilNothing(nodes)
})
