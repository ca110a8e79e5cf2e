import type { Plugin } from 'rookery'
import { nats } from 'rookery/nats'
import { Rooms, rooms } from 'rookery/rooms'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { MemoryCluster } from '../../plugins/testing/memory-cluster/memory-cluster.ts'
import { clientBy } from '../support/client-transports.ts'
import { useNats } from '../support/nats.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { closedWith, startThree, TRANSPORTS, welcomeBy } from '../support/three-transports.ts'

const clusters: Readonly<Record<string, () => Promise<() => Plugin>>> = {
  'the memory cluster': async () => {
    const cluster = new MemoryCluster()
    return () => cluster.plugin()
  },
  NATS: async () => {
    const { url } = await useNats()
    return () => nats({ servers: url })
  },
}

const startTwo = async (name: string, members: 'allow' | 'reject' | 'replace') => {
  const plugin = await clusters[name]!()
  const nodes = [await startThree({ plugins: [rooms({ members }), plugin()] })]
  nodes.push(await startThree({ plugins: [rooms({ members }), plugin()] }))
  await vi.waitFor(() => expect(nodes.map(({ app }) => app.cluster.nodes().length)).toEqual([2, 2]))
  return nodes.map(({ app, url, lines }) => ({ app, url, lines, rooms: app.scope.get(Rooms) })) as [
    Node,
    Node,
  ]
}
interface Node extends Awaited<ReturnType<typeof startThree>> {
  readonly rooms: Rooms
}

const secretOf = async (transport: string, url: string, params: Record<string, string>) => {
  const peer = await welcomeBy(transport, url, params)
  return { peer, secret: (peer.frames[0] as { secret: string }).secret }
}

describe.each(Object.keys(clusters))('two nodes of %s', (cluster) => {
  it.each(TRANSPORTS)(
    'replace a stale session of the other node, in its rooms, over %s',
    async (transport) => {
      for (const members of ['reject', 'replace'] as const) {
        const [a, b] = await startTwo(cluster, members)
        // With a member at the second node, it knows the members of the first one.
        await welcomeBy('websocket', b.url, { username: 'eve', roomID: '42' })
        const params = { username: 'ada', roomID: '42' }
        const { peer, secret } = await secretOf(transport, a.url, params)
        const next = await secretOf(transport, b.url, { ...params, previous: secret })
        expect(await closedWith(peer)).toBe('replaced')
        expect([a, b].map(({ app }) => app.sessions.find({ user: 'ada' }).length)).toEqual([0, 1])
        expect((await a.rooms.members('42')).items.map(({ id }) => id)).toEqual(['eve', 'ada'])
        await welcomeBy('websocket', a.url, { username: 'bob', previous: next.secret })
        expect(next.peer.closed).toBeUndefined()
      }
    },
  )

  it.each(['reject', 'replace'] as const)(
    'hold two sessions of a client that changes its transport, with members: %s',
    async (members) => {
      const [a, b] = await startTwo(cluster, members)
      const eve = [a, b].map(({ url }, index) =>
        clientBy('websocket', url, { params: { username: `eve${index}` } }),
      )
      const told: string[] = []
      for (const client of eve) {
        const room = client.join('42')
        for (const what of ['joined', 'left'])
          room.on<{ member: { id: string } }>(what, ({ member }) => told.push(`${what} ${member.id}`))
        await room.ready
      }
      const params = { username: 'ada', roomID: '42' }
      const first = await secretOf('sse', a.url, params)
      await vi.waitFor(() => expect(told.filter((line) => line === 'joined ada')).toHaveLength(2))
      const second = await secretOf('websocket', b.url, { ...params, beside: first.secret })
      expect([a, b].map(({ app }) => app.sessions.find({ user: 'ada' }).length)).toEqual([1, 1])
      await first.peer.close()
      await vi.waitFor(() => expect(a.app.sessions.find({ user: 'ada' })).toEqual([]))
      await b.rooms.broadcast('42', 'end')
      await vi.waitFor(() =>
        expect(second.peer.frames.some((frame) => 'topic' in frame && frame.topic === 'rooms/42/end')).toBe(
          true,
        ),
      )
      expect(second.peer.closed).toBeUndefined()
      expect(told.filter((line) => line.endsWith('ada'))).toEqual(['joined ada', 'joined ada'])
      expect((await a.rooms.members('42')).items).toHaveLength(3)
    },
  )

  it('let a client change from a node to the other one in a room with members: reject', async () => {
    const [a, b] = await startTwo(cluster, 'reject')
    const proxy = await TcpProxy.before(Number(new URL(a.url).port))
    onTestFinished(() => proxy.close())
    const client = clientBy('websocket', `http://127.0.0.1:${proxy.port}`, { params: { username: 'ada' } })
    const room = client.join('42')
    await room.ready
    proxy.target = Number(new URL(b.url).port)
    proxy.abandon()
    await vi.waitFor(() => expect(b.app.sessions.find({ room: '42' })).toHaveLength(1), { timeout: 10_000 })
    expect(a.app.sessions.size).toBe(0)
    await vi.waitFor(() => expect(room.state).toBe('joined'))
    expect((await room.members()).members).toEqual([{ id: 'ada', name: 'ada' }])
  })
})
