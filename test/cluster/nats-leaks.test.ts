import { get, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { activeResources, untilReleased } from '../../plugins/testing/resources.ts'
import { freePort, type NatsNode, startNats, startNode, startNodes, until, useNats } from '../support/nats.ts'

const useMonitored = async () => {
  const port = await freePort()
  const server = await useNats('-m', String(port))
  /** Returns the subscribed subjects of one node or all, in order. */
  const subjects = async (): Promise<string[]> => {
    // Without fetch, which keeps timers.
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`http://127.0.0.1:${port}/connz?subs=1`, { agent: false }, resolve).on('error', reject)
    })
    const { connections } = (await json(response)) as {
      readonly connections: readonly { readonly subscriptions_list?: readonly string[] }[]
    }
    return connections.flatMap(({ subscriptions_list = [] }) => subscriptions_list).sort()
  }
  return { server, subjects }
}

const work = async (nodes: readonly NatsNode[]) => {
  for (const { app } of nodes) {
    app.bus.subscribe('w/*', () => {}, { source: 'all' })
    app.bus.subscribe('w/*', () => {}, { source: 'cluster' })
    app.cluster.answer('slow', () => new Promise(() => {}))
  }
  await Promise.all(nodes.map((node) => node.connect(['t/*'], { user: 'ada', room: 'r' })))
  await nodes[0]?.app.publish('t/1', 1)
  await nodes[0]?.app.send({ user: 'ada' }, 'x', 1)
}

describe('a node that has stopped', () => {
  it('leaves no timer, no socket and no subscription', async () => {
    const { server, subjects } = await useMonitored()
    const before = activeResources()
    const nodes = await startNodes(server, 3)
    await work(nodes)
    const asked = nodes[0]?.app.cluster.ask({ to: '$room/r', method: 'slow', timeout: 60_000 })
    const refused = expect(asked).rejects.toMatchObject({ code: 'cluster_unavailable' })
    expect((await subjects()).length).toBeGreaterThan(15)
    for (const { app } of nodes) await app.stop()
    await refused
    expect(await subjects()).toEqual([])
    await untilReleased({ timeout: 3000 }, before, 'A stopped app leaves nothing')
  })

  it('leaves nothing behind if its server is down, silent, or never was there', async () => {
    const server = await startNats()
    const elsewhere = await startNats()
    try {
      const before = activeResources()
      const away = await startNode(server)
      const silent = await startNode(elsewhere, { nats: { pingInterval: 50, timeout: 60_000 } })
      await work([away])
      await server.stop()
      elsewhere.pause()
      await until(() => !away.app.cluster.connected && !silent.app.cluster.connected)
      // Its NATS client tries to connect again, and waits for an answer.
      await until(() => silent.logged(/the cluster is lost/).length === 1)
      await away.app.stop()
      await silent.app.stop()
      await expect(startNode(server)).rejects.toMatchObject({ code: 'cluster_unavailable' })
      await untilReleased(
        { timeout: 3000 },
        { ...before, ProcessWrap: 2, PipeWrap: 9 },
        'A stopped app leaves nothing',
      )
    } finally {
      elsewhere.resume()
      await elsewhere.stop()
    }
  })
})

describe('a subscription on NATS', () => {
  it('exists from its first use on the node to its last', async () => {
    const { server, subjects } = await useMonitored()
    const node = await startNode(server)
    const nothing = await subjects()
    const wanted = async () => {
      const more = [...(await subjects())]
      for (const subject of nothing) more.splice(more.indexOf(subject), 1)
      return more.map((subject) => subject.replace(node.id, '<node>')).sort()
    }
    const untilWanted = async (...expected: readonly string[]) => {
      for (let now = await wanted(); now.join() !== expected.join(); now = await wanted()) {
        if (performance.now() > limit) expect(now).toEqual(expected)
      }
    }
    const limit = performance.now() + 10_000
    const one = await node.connect(['t/*', 't/*'], { user: 'ada', room: 'r' })
    const two = await node.connect(['t/*', 'u'], { user: 'ada' })
    const [room, user] = ['$room.r', '$user.ada']
    const topics = ['rookery.topic.t.>', 'rookery.topic.u']
    const requests = (...to: (string | undefined)[]) => to.map((one) => `rookery.request.<node>.${one}`)
    const outside = (...to: (string | undefined)[]) => to.map((one) => `rookery.system.${one}`)
    await untilWanted(...requests(room, user), ...outside(room, user), ...topics)
    one.leave()
    await untilWanted(...requests(user), ...outside(user), ...topics)
    two.session.unsubscribe('u')
    two.leave()
    await untilWanted()
    const first = node.app.bus.subscribe('w/*', () => {}, { source: 'all' })
    const second = node.app.bus.subscribe('w/*', () => {}, { source: 'all' })
    const group = node.app.bus.subscribe('w/*', () => {}, { source: 'cluster' })
    node.app.bus.subscribe('w/*', () => {})
    await untilWanted('rookery.event.topic.w.>', 'rookery.work.topic.w.>')
    first.cancel()
    group.cancel()
    await untilWanted('rookery.event.topic.w.>')
    second.cancel()
    await untilWanted()
  })
})
