import { HttpServer, http } from 'rookery/http'
import { describe, expect, it } from 'vitest'
import { verifies } from '../requirements.ts'
import { type NatsNode, settled, startNode, startNodes, until, useNats } from '../support/nats.ts'
import { slowdown } from '../support/slowdown.ts'

/** Returns the changes of other nodes that a node was told of, in order. */
const changesOf = ({ app }: NatsNode): string[] => {
  const changes: string[] = []
  app.cluster.onChange((node, change) => changes.push(`${node} ${change}`))
  return changes
}

const readiness = async ({ app }: NatsNode) => {
  const response = await fetch(`${app.scope.get(HttpServer).url}/readyz`)
  return { status: response.status, body: await response.json() }
}

const unavailable = expect.objectContaining({ code: 'cluster_unavailable' })

describe('when NATS is lost', () => {
  it('a node serves its own clients and logs the loss; requests under way fail at once', async () => {
    verifies('delivery.nodes.without-nats', 'delivery.send.cluster-unavailable', 'delivery.bus.group-alone')
    const server = await useNats()
    const web = () => [http({ port: 0, hostname: '127.0.0.1' })]
    const [a, b] = await Promise.all([
      startNode(server, { plugins: web(), nats: { requiredForReady: true } }),
      startNode(server, { plugins: web() }),
    ])
    await until(() => a.app.cluster.nodes().length === 2)
    b.app.cluster.answer('never', () => new Promise(() => {}))
    const [alice, bob] = [
      await a.connect(['t/*'], { user: 'alice' }),
      await b.connect(['t/*'], { user: 'bob' }),
    ]
    expect(await readiness(a)).toMatchObject({ status: 200, body: { checks: { cluster: 'connected' } } })
    const start = performance.now()
    const failed: string[] = []
    const questions = [
      a.app.cluster.askNode(b.id, 'never', undefined, 60_000),
      a.app.cluster.ask({ to: '$user/bob', method: 'never', timeout: 60_000 }),
      a.app.cluster.ask({ to: '$room/none', method: 'never', timeout: 60_000, thorough: true }),
    ].map((asked) => asked.catch((error: { code: string }) => failed.push(error.code)))
    await server.kill()
    await Promise.all(questions.slice(0, 2))
    expect(failed.slice(0, 2)).toEqual(['cluster_unavailable', 'cluster_unavailable'])
    expect(performance.now() - start).toBeLessThan(3000 * slowdown())
    await until(() => !a.app.cluster.connected && !b.app.cluster.connected)
    expect(a.logged(/the cluster is lost/)).toHaveLength(1)
    expect(await readiness(a)).toEqual({
      status: 503,
      body: { status: 'degraded', checks: { cluster: 'disconnected' } },
    })
    expect(await readiness(b)).toMatchObject({ status: 200, body: { checks: { cluster: 'disconnected' } } })
    await a.app.publish('t/1', 'here')
    await until(() => alice.messages.length === 1)
    expect(bob.messages).toEqual([])
    expect(await a.app.send({ user: 'alice' }, 'x', 1)).toMatchObject({ sessions: 1 })
    await expect(a.app.send({ user: 'bob' }, 'x', 1)).rejects.toEqual(unavailable)
    await expect(a.app.cluster.askNode(b.id, 'never')).rejects.toEqual(unavailable)
    let worked = 0
    a.app.bus.subscribe('work/*', () => worked++, { source: 'cluster' })
    a.app.bus.publish('work/1', 1)
    await until(() => worked === 1)
  })

  it('other nodes leave after six seconds, and join again with their listeners when it is back', async () => {
    verifies('delivery.nodes.dropped', 'delivery.nodes.restored', 'delivery.nodes.dropped-logged')
    const server = await useNats()
    const [a, b] = (await startNodes(server, 2)) as [NatsNode, NatsNode]
    const changes = changesOf(a)
    const before = await b.connect(['t/*'], { user: 'before' })
    const heard: string[] = []
    const work: string[] = []
    const listen = ({ app }: NatsNode, name: string) => {
      app.bus.subscribe('w/*', () => work.push(name), { source: 'cluster', group: 'g' })
      app.bus.subscribe('w/*', () => heard.push(name), { source: 'all' })
    }
    listen(a, 'a')
    await server.kill()
    const start = performance.now()
    await until(() => !a.app.cluster.connected && !b.app.cluster.connected)
    const during = await b.connect(['t/1'], { user: 'during' })
    before.session.subscribe('late/*')
    listen(b, 'b')
    for (let count = 0; count < 500; count++) await a.app.publish('t/1', 'lost')
    await until(() => a.logged(/dropped/).length > 0)
    expect(a.logged(/dropped: this node is not connected/).map(({ dropped }) => dropped)).toEqual([500])
    await until(() => changes.includes(`${b.id} left`))
    const gone = performance.now() - start
    console.log(`gone after ${Math.round(gone)} ms`)
    expect(gone).toBeGreaterThan(3900)
    expect(gone).toBeLessThan(9000)
    expect(a.app.cluster.nodes()).toEqual([a.id])

    await server.restart()
    const restarted = performance.now()
    await until(() => a.app.cluster.connected && b.app.cluster.connected)
    await until(() => [a, b].every(({ app }) => app.cluster.nodes().length === 2))
    console.log(`back after ${Math.round(performance.now() - restarted)} ms`)
    expect(changes).toEqual([`${b.id} left`, `${b.id} joined`])
    await settled(a, b)
    await a.app.publish('t/1', 'again')
    await a.app.publish('late/1', 'again')
    await until(() => before.messages.length === 2 && during.messages.length === 1)
    expect(await a.app.send({ user: 'during' }, 'x', 1)).toMatchObject({ sessions: 1 })
    expect(await a.app.send({ user: 'before' }, 'x', 1)).toMatchObject({ sessions: 1 })
    // Waits until each node knows the listeners of the other.
    await until(() => {
      a.app.bus.publish('w/1', 1)
      return heard.includes('b')
    })
    await settled(a, b)
    await until(() => heard.filter((name) => name === 'a').length === work.length)
    heard.length = work.length = 0
    for (let count = 0; count < 100; count++) a.app.bus.publish('w/1', 1)
    await until(() => heard.length >= 200 && work.length >= 100)
    await settled(a, b)
    expect([heard.length, work.length]).toEqual([200, 100])
    expect([before.messages.length, during.messages.length]).toEqual([3, 2])
    expect(a.logged(/the cluster is connected/)).toHaveLength(1)
    expect(a.logged(/the cluster is lost/)).toHaveLength(1)
    expect(a.logged(/dropped/)).toHaveLength(1)
  })

  it('for less than six seconds, nodes are restored and no message arrives twice', async () => {
    verifies('delivery.nodes.once', 'delivery.nodes.at-most-once')
    const server = await useNats()
    const [a, b] = (await startNodes(server, 2)) as [NatsNode, NatsNode]
    const [ofA, ofB] = [changesOf(a), changesOf(b)]
    const peer = await b.connect(['t/*', '*'])
    for (let round = 1; round <= 2; round++) {
      await server.kill()
      await until(() => !a.app.cluster.connected && !b.app.cluster.connected)
      await server.restart()
      await until(() => a.app.cluster.connected && b.app.cluster.connected)
      await until(() => ofA.length >= round && ofB.length >= round)
      await settled(a, b)
      await a.app.publish('t/1', round)
      await until(() => peer.messages.length === round)
      expect(a.logged(/the cluster is connected/)).toHaveLength(round)
    }
    // If both were cut off, each may report itself and the other.
    expect([...new Set(ofA)]).toEqual([`${b.id} restored`])
    expect([...new Set(ofB)]).toEqual([`${a.id} restored`])
    expect(peer.messages).toEqual([
      ['t/1', 1],
      ['t/1', 2],
    ])
  })

  it('the log says why messages were dropped, although the node is connected again by then', async () => {
    const server = await useNats()
    const [a] = (await startNodes(server, 2)) as [NatsNode, NatsNode]
    await server.kill()
    await until(() => !a.app.cluster.connected)
    await a.app.publish('t/1', 1)
    await server.restart()
    await until(() => a.logged(/dropped/).length === 1)
    expect(a.logged(/dropped/)).toMatchObject([
      { dropped: 1, msg: 'messages to other nodes were dropped: this node is not connected to NATS' },
    ])
  })

  it('a node can still stop at once', async () => {
    const server = await useNats()
    const node = await startNode(server)
    await server.kill()
    await until(() => !node.app.cluster.connected)
    const start = performance.now()
    await node.app.stop()
    expect(performance.now() - start).toBeLessThan(1000 * slowdown())
    expect(node.logged(/did not stop cleanly/)).toEqual([])
  })
})
