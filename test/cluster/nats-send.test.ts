import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { verifies } from '../requirements.ts'
import { type NatsNode, settled, startNode, startNodes, until, useNats } from '../support/nats.ts'
import { useNatsProxy } from '../support/nats-proxy.ts'
import { slowdown } from '../support/slowdown.ts'

const seed = Date.now() % 2 ** 31
console.log(`nats-send: seed ${seed}`)

const median = (times: number[]): string => (times.sort((a, b) => a - b)[times.length >> 1] ?? 0).toFixed(2)

describe('over five nodes', () => {
  it('a send counts every session of a user exactly, whichever nodes they are on', async () => {
    verifies('delivery.send.every-session', 'delivery.send.once')
    const server = await useNats()
    const nodes = await startNodes(server, 5)
    const users = fc.sample(fc.shuffledSubarray(nodes, { minLength: 3, maxLength: 3 }), { seed, numRuns: 40 })
    const peers = await Promise.all(
      users.flatMap((there, user) => there.map((node) => node.connect([], { user: `u${user}` }))),
    )
    await settled(...nodes)
    const picks = fc.sample(fc.tuple(fc.nat(users.length - 1), fc.nat(4)), { seed, numRuns: 500 })
    const times: number[] = []
    const send = async ([user, from]: readonly [number, number]) => {
      const start = performance.now()
      const sent = await nodes[from]?.app.send({ user: `u${user}` }, 'inbox', user)
      times.push(performance.now() - start)
      return sent?.sessions
    }
    // In groups, because on a busy machine all at once take longer than the one second that a send waits.
    for (let next = 0; next < picks.length; next += 125) {
      const counts = await Promise.all(picks.slice(next, next + 125).map(send))
      expect(counts).toEqual(Array(125).fill(3))
    }
    await until(() => peers.reduce((sum, { messages }) => sum + messages.length, 0) === 1500)
    const alone: number[] = []
    for (const [user, from] of picks.slice(0, 100)) {
      const start = performance.now()
      expect(await nodes[from]?.app.send({ user: `u${user}` }, 'inbox', user)).toMatchObject({ sessions: 3 })
      alone.push(performance.now() - start)
    }
    console.log(`a send takes ${median(alone)} ms alone, ${median(times)} ms among 125 (medians)`)
    await expect(nodes[0]?.app.send({ user: 'nobody' }, 'x', 1)).rejects.toMatchObject({
      code: 'not_connected',
    })
  })

  it('a request ends once all nodes have answered, even if only the asking node subscribes to the address', async () => {
    const server = await useNats()
    const nodes = await startNodes(server, 5)
    const [asker] = nodes as [NatsNode]
    await asker.connect([], { user: 'ada', room: 'r' })
    await settled(...nodes)
    const question = { to: '$room/r', method: 'who', thorough: true, timeout: 60_000 }
    expect(await asker.app.cluster.ask(question)).toEqual({ items: [], missing: [] })
    expect(await asker.app.send({ room: 'r' }, 'inbox', 1)).toMatchObject({ sessions: 1 })
    const itself = { to: `$node/${asker.id}`, method: 'who', timeout: 60_000 }
    expect(await asker.app.cluster.ask(itself)).toEqual({ items: [], missing: [asker.id] })
  })

  it('a node that does not answer in time is missing, and delays no later request', async () => {
    const server = await useNats()
    const nodes = await startNodes(server, 5)
    const [asker, frozen, ...others] = nodes as [NatsNode, NatsNode, ...NatsNode[]]
    await Promise.all(nodes.map((node) => node.connect([], { user: 'ada', room: 'r' })))
    frozen.app.cluster.answer('who', () => new Promise(() => {}))
    for (const { app, id } of others) app.cluster.answer('who', async () => id)
    await settled(...nodes)
    const question = { to: '$room/r', method: 'who', timeout: 300 }
    const { items, missing } = await asker.app.cluster.ask(question)
    expect(missing).toEqual([frozen.id])
    expect(items.map(({ value }) => value).sort()).toEqual(others.map(({ id }) => id).sort())
    // A request that it never answers does not delay its answers to barriers.
    const bob = await others[0]?.connect([], { user: 'bob' })
    await settled(...nodes)
    const start = performance.now()
    expect(bob?.session.user?.id).toBe('bob')
    expect(await asker.app.send({ user: 'bob' }, 'x', 1)).toMatchObject({ sessions: 1 })
    expect(await asker.app.send({ user: 'ada' }, 'x', 1)).toMatchObject({ sessions: 5 })
    expect(performance.now() - start).toBeLessThan(900 * slowdown())
  })

  it('a thorough request hears from every node, even if none subscribes to the address', async () => {
    const server = await useNats()
    const nodes = await startNodes(server, 5)
    const ask = { to: '$room/none', method: 'who', thorough: true, timeout: 10_000 }
    const start = performance.now()
    expect(await nodes[0]?.app.cluster.ask(ask)).toEqual({ items: [], missing: [] })
    expect(performance.now() - start).toBeLessThan(2000 * slowdown())
  })

  it('a request by id goes to other nodes only, and a node that has left is unreachable', async () => {
    const server = await useNats()
    const nodes = await startNodes(server, 3)
    const [a, b, c] = nodes as [NatsNode, NatsNode, NatsNode]
    b.app.cluster.answer('echo', (payload, from, to) => ({ payload, from, to }))
    expect(await a.app.cluster.askNode(b.id, 'echo', { x: [1, null] }, 60_000)).toEqual({
      payload: { x: [1, null] },
      from: a.id,
      to: `$node/${b.id}`,
    })
    expect(await a.app.cluster.askNode(b.id, 'echo', undefined, 60_000)).toMatchObject({ from: a.id })
    await c.app.stop()
    await until(() => a.app.cluster.nodes().length === 2)
    await expect(a.app.cluster.askNode(c.id, 'echo')).rejects.toMatchObject({ code: 'node_unreachable' })
    await expect(a.app.cluster.askNode('nobody', 'echo')).rejects.toMatchObject({ code: 'node_unreachable' })
  })
})

describe('while a node does not answer', () => {
  /** Three nodes, the last of which has bob and stops answering. NATS keeps its connection. */
  const startBusy = async () => {
    const server = await useNats()
    const proxy = await useNatsProxy(server)
    const [a, b] = (await startNodes(server, 2)) as [NatsNode, NatsNode]
    const busy = await startNode(proxy)
    const ada = await b.connect([], { user: 'ada', room: 'r' })
    const bob = await busy.connect([], { user: 'bob', room: 'r' })
    await until(() => [a, b, busy].every(({ app }) => app.cluster.nodes().length === 3))
    await settled(a, b, busy)
    proxy.hold()
    onTestFinished(() => proxy.release())
    return { a, ada, bob, busy }
  }

  it('a send to a user, session or room of other nodes does not wait for it', async () => {
    verifies('delivery.send.busy-node')
    const { a, ada } = await startBusy()
    // The node counts as gone after 6 s, and a send waits for at most 1 s.
    const start = performance.now()
    for (let n = 0; n < 30; n++) {
      expect(await a.app.send({ user: 'ada' }, 'x', n)).toMatchObject({ sessions: 1 })
      expect(await a.app.send({ session: ada.session.id }, 'x', n)).toMatchObject({ sessions: 1 })
      const nobody = a.app.send({ user: 'nobody' }, 'x', n)
      await expect(nobody).rejects.toMatchObject({ code: 'not_connected' })
    }
    expect(performance.now() - start).toBeLessThan(2000 * slowdown())
    expect(await a.app.sessions.disconnect({ user: 'ada' })).toBe(1)
  })

  it('a send to its users is node_unreachable, and a thorough question names it', async () => {
    verifies('delivery.send.busy-node', 'delivery.send.node-unreachable', 'delivery.send.partial')
    const { a, bob, busy } = await startBusy()
    for (const target of [{ user: 'bob' }, { session: bob.session.id }]) {
      await expect(a.app.send(target, 'x', 1)).rejects.toMatchObject({
        code: 'node_unreachable',
        message: expect.stringContaining(busy.id),
      })
    }
    expect(await a.app.send({ room: 'r' }, 'x', 1)).toMatchObject({ sessions: 1 })
    const question = { to: '$user/nobody', method: 'who', timeout: 100 }
    expect(await a.app.cluster.ask(question)).toEqual({ items: [], missing: [] })
    expect(await a.app.cluster.ask({ ...question, thorough: true })).toEqual({
      items: [],
      missing: [busy.id],
    })
  })
})

describe('a user who leaves', () => {
  it('while messages are sent is counted or not connected, and no send waits for an answer that does not come', async () => {
    const server = await useNats()
    const [a, b, c] = (await startNodes(server, 3)) as [NatsNode, NatsNode, NatsNode]
    await c.connect([], { user: 'ada' })
    const results = new Set<unknown>()
    for (let round = 0; round < 100; round++) {
      const { leave } = await b.connect([], { user: `u${round}` })
      const also = await b.connect([], { user: 'ada' })
      await settled(a, b)
      const sent = [0, 1, 2].flatMap(() => [
        a.app
          .send({ user: `u${round}` }, 'x', 1)
          .then(({ sessions }) => sessions)
          .catch(({ code }) => code),
        a.app.send({ user: 'ada' }, 'x', 1).then(({ sessions }) => sessions),
      ])
      await new Promise(setImmediate)
      leave()
      also.leave()
      for (const result of await Promise.all(sent)) results.add(result)
    }
    expect([...results].filter((result) => ![1, 2, 'not_connected'].includes(result as never))).toEqual([])
  })
})

describe('an event', () => {
  it('is handled once by each group, whether other nodes are in the group or only listen to the topic', async () => {
    verifies('delivery.bus.group', 'delivery.bus.all-nodes')
    const server = await useNats()
    const [a, b] = (await startNodes(server, 2)) as [NatsNode, NatsNode]
    const heard: string[] = []
    a.app.bus.subscribe('o/*', () => heard.push('own group'), { source: 'cluster', group: 'own' })
    a.app.bus.subscribe('o/1', () => heard.push('own group'), { source: 'node' })
    b.app.bus.subscribe('o/*', () => heard.push('all'), { source: 'all' })
    await settled(a, b)
    await until(() => {
      a.app.bus.publish('o/2', 1)
      return heard.includes('all')
    })
    await settled(a, b)
    heard.length = 0
    a.app.bus.publish('o/1', 1)
    await until(() => heard.includes('all'))
    await settled(a, b)
    expect(heard.sort()).toEqual(['all', 'own group', 'own group'])
    b.app.bus.subscribe('o/*', () => heard.push('shared group'), { source: 'cluster', group: 'shared' })
    await until(() => {
      a.app.bus.publish('o/2', 1)
      return heard.includes('shared group')
    })
    await settled(a, b)
    heard.length = 0
    a.app.bus.publish({ topics: ['o/1', 'o/1/x'], payload: 1 })
    await until(() => heard.length >= 4)
    await settled(a, b)
    expect(heard.sort()).toEqual(['all', 'own group', 'own group', 'shared group'])
  })
})
