import { Cluster, type Session } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { createRandom } from '../../plugins/testing/random.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import {
  enter,
  join,
  leave,
  type Node,
  names,
  settle,
  startNodes,
  told,
  untilNothing,
  untilTold,
} from './rooms-support.ts'

const two = async (members: 'reject' | 'replace') => {
  const { nodes, cluster } = await startNodes(2, { members })
  const [a, b] = nodes as [Node, Node]
  return { nodes, cluster, a, b }
}

/** Holds back the requests of a node, or the answers, until they are released. */
const holdQuestions = (node: Node, what: 'questions' | 'answers' = 'questions') => {
  const backend = node.app.scope.get(Cluster)
  const ask = backend.ask.bind(backend)
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const spy = vi.spyOn(backend, 'ask').mockImplementation(async (question) => {
    if (what === 'questions') await held
    const answers = await ask(question)
    await held
    return answers
  })
  return { asked: () => spy.mock.calls.map(([{ method }]) => method), release }
}

describe('members: reject', () => {
  it('rejects a user who is in the room at another node, until that session has left', async () => {
    const { nodes, a, b } = await two('reject')
    const ada = await enter(a, 'ada')
    const refused = new BareClient(`${b.url}/api/v1/ws?username=ada&roomID=42`)
    expect(await refused.untilClosed()).toEqual({ code: 4409, reason: 'name_taken' })
    const second = await connectBare(b.url, '?username=ada')
    expect((await join(second)).error).toEqual({
      code: 'name_taken',
      message: "'ada' is already in room '42'",
      retryable: true,
    })
    expect((await join(second, '7')).error).toBeUndefined()
    await leave(ada)
    expect((await join(second)).error).toBeUndefined()
    for (const { socket } of [ada, second]) socket.close()
    await untilNothing(nodes)
  })

  it('admits at most one of the sessions that join at the same moment, and it stays', async () => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
    console.log(`simultaneous joins: SEED=${seed}`)
    const random = createRandom(seed, 'simultaneous joins')
    const { nodes, a, b } = await two('reject')
    const watcher = await enter(a, 'watcher')
    const devices = await Promise.all([a, b, a, b].map(({ url }) => connectBare(url, '?username=ada')))
    for (let round = 0; round < 40; round++) {
      const order = devices.filter(() => random.below(4) > 0).sort(() => random.below(3) - 1)
      const replies = await Promise.all(order.map((device) => join(device)))
      const inside = order.filter((_device, index) => !replies[index]?.error)
      const codes = replies.filter(({ error }) => error).map(({ error }) => error.code)
      expect(inside.length, `round ${round}`).toBe(Math.min(order.length, 1))
      expect(codes).toEqual(codes.map(() => 'name_taken'))
      for (const device of inside) expect((await leave(device)).error).toBeUndefined()
    }
    expect(devices.map(({ closed }) => closed)).toEqual(devices.map(() => undefined))
    await settle(nodes, [watcher])
    const seen = told(watcher).slice(1)
    expect(seen).toEqual(seen.map((_line, index) => (index % 2 ? '-ada' : '+ada')))
    for (const { socket } of [watcher, ...devices]) socket.close()
    await untilNothing(nodes)
  })

  it('keeps the older of two members that a cut has admitted, whichever node it is at', async () => {
    for (const first of [0, 1]) {
      const { nodes, cluster } = await two('reject')
      const [a, b] = (first === 0 ? nodes : [...nodes].reverse()) as [Node, Node]
      const watchers = [await enter(a, 'eve'), await enter(b, 'bob')]
      cluster.cut(b.id)
      const older = await enter(a, 'ada')
      const start = Date.now()
      await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(start), { interval: 1 })
      const newer = await enter(b, 'ada')
      cluster.heal(b.id)
      expect(await newer.untilClosed()).toEqual({ code: 4409, reason: 'name_taken' })
      await settle(nodes, [...watchers, older])
      expect(older.closed).toBeUndefined()
      expect(watchers.map((watcher) => told(watcher).filter((line) => line.endsWith('ada')))).toEqual([
        ['+ada'],
        ['+ada'],
      ])
      expect((await names(a)).sort()).toEqual(['ada', 'bob', 'eve'])
    }
  })

  it('admits a user although a node does not answer', async () => {
    const { cluster, a, b } = await two('reject')
    await enter(b, 'ada')
    cluster.cut(a.id)
    const ada = await enter(a, 'ada')
    expect(told(ada)).toEqual(['+ada'])
    expect(await b.rooms.members('42')).toEqual(await a.rooms.members('42'))
  })

  it('prefers the claim with the earlier time if the clocks of two nodes differ, even if it was made later', async () => {
    const { nodes, a, b } = await two('reject')
    const others = [await enter(a, 'eve'), await enter(b, 'bob')]
    const [one, other] = await Promise.all([a, b].map(({ url }) => connectBare(url, '?username=ada')))
    const { asked, release } = holdQuestions(a, 'answers')
    const newer = join(one as BareClient)
    await vi.waitFor(() => expect(asked()).toEqual(['rooms.claim']))
    const [session] = b.app.sessions.find({ user: 'ada' })
    const clock = vi.spyOn(Date, 'now').mockReturnValue(1)
    const older = b.rooms.join(session as Session, '42')
    clock.mockRestore()
    expect(await older).toEqual({ id: 'ada', name: 'ada' })
    release()
    expect((await newer).error.code).toBe('name_taken')
    expect([one?.closed, (await names(a)).sort()]).toEqual([undefined, ['ada', 'bob', 'eve']])
    for (const client of [...others, one, other]) client?.socket.close()
    await untilNothing(nodes)
  })

  it('leaves one of two members whose claims did not reach each other', async () => {
    const { nodes, a, b } = await two('reject')
    for (const { app } of nodes) {
      const backend = app.scope.get(Cluster)
      const ask = backend.ask.bind(backend)
      vi.spyOn(backend, 'ask').mockImplementation(async (question) =>
        question.method === 'rooms.claim' ? { items: [], missing: [] } : await ask(question),
      )
    }
    const first = await enter(a, 'ada')
    const late = await connectBare(b.url, '?username=ada')
    expect((await join(late)).error.code).toBe('name_taken')
    expect(b.usage()).toMatchObject({ rooms: 0, replicas: 0 })
    first.socket.close()
    late.socket.close()
    await untilNothing(nodes)
    const clients: BareClient[] = []
    for (let round = 0; round < 10; round++) {
      const both = await Promise.all([a, b].map(({ url }) => connectBare(url, '?username=ada')))
      const replies = await Promise.all(both.map((client) => join(client).catch(() => undefined)))
      const inside = () => both.filter(({ closed }, index) => !closed && !replies[index]?.error)
      await vi.waitFor(() => expect(inside().length).toBeLessThan(2))
      for (const { closed } of both) if (closed) expect(closed.reason).toBe('name_taken')
      expect(await names(a)).toEqual(inside().length === 1 ? ['ada'] : [])
      clients.push(...both)
      for (const { socket } of both) socket.close()
      await untilNothing(nodes)
    }
  })

  it('leaves nothing behind of a session that closes while other nodes are asked', async () => {
    const { nodes, a } = await two('reject')
    const ada = await connectBare(a.url, '?username=ada')
    const { asked, release } = holdQuestions(a)
    ada.send({ topic: 'room/join', payload: { room: '42' } })
    await vi.waitFor(() => expect(asked()).toEqual(['rooms.claim']))
    expect(a.usage()).toMatchObject({ claims: 1, rooms: 0 })
    ada.socket.terminate()
    await vi.waitFor(() => expect(a.app.usage.sessions).toBe(0))
    release()
    await untilNothing(nodes)
  })

  it('lets a session leave, or join again, while other nodes are asked', async () => {
    const { nodes, a } = await two('reject')
    const ada = await connectBare(a.url, '?username=ada')
    const other = await connectBare(a.url, '?username=ada')
    const { asked, release } = holdQuestions(a)
    const first = join(ada)
    await vi.waitFor(() => expect(asked()).toHaveLength(1))
    expect((await join(other)).error.code).toBe('name_taken')
    const again = join(ada)
    const left = await leave(ada)
    expect(left.error).toBeUndefined()
    release()
    expect((await first).error.code).toBe('not_in_room')
    expect((await again).error.code).toBe('not_in_room')
    const [one, same] = await Promise.all([join(ada), join(ada)])
    expect([one.error, same.error, told(ada)]).toEqual([undefined, undefined, ['+ada']])
    for (const { socket } of [ada, other]) socket.close()
    await untilNothing(nodes)
  })
})

describe('members: replace', () => {
  it('closes the older connection at another node, without a message to the other members', async () => {
    const { nodes, a, b } = await two('replace')
    const watchers = [await enter(a, 'eve'), await enter(b, 'bob')]
    let current = await enter(a, 'ada')
    for (const node of [b, a, a, b, a]) {
      const newer = await enter(node, 'ada')
      expect(await current.untilClosed()).toEqual({ code: 4409, reason: 'replaced' })
      current = newer
    }
    await settle(nodes, [...watchers, current])
    expect(watchers.map(told)).toEqual([
      ['+eve', '+bob', '+ada'],
      ['+bob', '+ada'],
    ])
    expect(current.closed).toBeUndefined()
    await leave(current)
    await untilTold(watchers[1] as BareClient, '+bob', '+ada', '-ada')
    for (const { socket } of [...watchers, current]) socket.close()
    await untilNothing(nodes)
  })

  it('takes the later join for the newer, whatever the clock of its node', async () => {
    const { nodes, a, b } = await two('replace')
    const watchers = [await enter(a, 'eve'), await enter(b, 'bob')]
    const older = await enter(a, 'ada')
    const newer = await connectBare(b.url, '?username=ada')
    await untilTold(watchers[1] as BareClient, '+bob', '+ada')
    const [session] = b.app.sessions.find({ user: 'ada' })
    const clock = vi.spyOn(Date, 'now').mockReturnValue(1)
    const joining = b.rooms.join(session as Session, '42')
    clock.mockRestore()
    await joining
    expect(await older.untilClosed()).toEqual({ code: 4409, reason: 'replaced' })
    await settle(nodes, [...watchers, newer])
    expect(newer.closed).toBeUndefined()
  })

  it('leaves the newer of two sessions that join at the same moment, or that meet after a cut', async () => {
    const { nodes, cluster, a, b } = await two('replace')
    const watchers = [await enter(a, 'eve'), await enter(b, 'bob')]
    for (let round = 0; round < 10; round++) {
      const both = await Promise.all([enter(a, 'ada'), enter(b, 'ada')])
      await vi.waitFor(() => expect(both.filter(({ closed }) => closed)).toHaveLength(1))
      await settle(nodes, watchers)
      const left = both.find(({ closed }) => !closed) as BareClient
      await leave(left)
    }
    await settle(nodes, watchers)
    for (const watcher of watchers) {
      const seen = told(watcher).filter((line) => line.endsWith('ada'))
      expect(seen).toEqual(seen.map((_line, index) => (index % 2 ? '-ada' : '+ada')))
      expect(seen).toHaveLength(20)
    }
    const older = await enter(a, 'zoe')
    const start = Date.now()
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(start), { interval: 1 })
    cluster.cut(b.id)
    const newer = await enter(b, 'zoe')
    cluster.heal(b.id)
    expect(await older.untilClosed()).toEqual({ code: 4409, reason: 'replaced' })
    expect((await names(b)).sort()).toEqual(['bob', 'eve', 'zoe'])
    expect(newer.closed).toBeUndefined()
  })
})
