import type { App } from 'rookery'
import { describe, expect, it } from 'vitest'
import { verifies } from '../requirements.ts'
import { type NatsNode, settled, startNode, until, useNats } from '../support/nats.ts'
import { turn } from '../support/turn.ts'

const GROUP = { source: 'cluster', group: 'workers' } as const

/** How often each job was handled, on all nodes. */
class Handled {
  readonly counts = new Map<number, number>()
  /** Called on each node: takes a job a while, so that some are always under way. */
  readonly join = (app: App): void => {
    app.bus.subscribe<number>(
      'jobs/*',
      async ({ payload }) => {
        await turn()
        await turn()
        this.counts.set(payload, (this.counts.get(payload) ?? 0) + 1)
      },
      GROUP,
    )
  }

  get size(): number {
    return this.counts.size
  }

  /** Jobs that were handled more than once. */
  get repeated(): number[] {
    return [...this.counts].filter(([, count]) => count > 1).map(([job]) => job)
  }
}

/**
 * Publishes jobs all the time, some in each turn of the event loop. Not more than the listeners keep up with, since the
 * bus drops events beyond `maxPending`.
 */
const publishJobs = (app: App, handled: Handled) => {
  let published = 0
  let active = true
  const done = (async () => {
    while (active) {
      for (let count = 0; count < 5 && published - handled.size < 300; count++)
        app.bus.publish(`jobs/${published % 7}`, published++)
      await turn()
    }
  })()
  return {
    get published() {
      return published
    },
    stop: async () => {
      active = false
      await done
      return published
    },
  }
}

describe('the work of a group', () => {
  it('is handled exactly once while a node of the group stops in order and starts again', async () => {
    verifies('delivery.bus.group-stop')
    const server = await useNats()
    const handled = new Handled()
    const publisher = await startNode(server)
    const steady = await startNode(server, { prepare: handled.join })
    let other = await startNode(server, { prepare: handled.join })
    const all = () => [publisher, steady, other]
    await until(() => all().every(({ app }) => app.cluster.nodes().length === 3))
    await settled(...all())
    const jobs = publishJobs(publisher.app, handled)
    for (let round = 0; round < 4; round++) {
      const before = jobs.published
      await until(() => jobs.published > before + 500)
      await other.app.stop()
      const stopped = jobs.published
      await until(() => jobs.published > stopped + 200)
      other = await startNode(server, { prepare: handled.join })
      await until(() => publisher.app.cluster.nodes().includes(other.id))
    }
    const published = await jobs.stop()
    await until(() => handled.size === published)
    await settled(...all())
    expect(handled.repeated).toEqual([])
    expect(other.logged(/before all work/)).toEqual([])
  })

  it('that a node publishes while all nodes of the group stop is handled exactly once', async () => {
    const server = await useNats()
    const handled = new Handled()
    let published = 0
    const start = () =>
      startNode(server, {
        prepare: (app) => {
          handled.join(app)
          // A handler that goes on publishing while its node stops.
          app.handle('publish', async () => {
            while (app.state === 'started') await turn()
            for (let count = 0; count < 200; count++) {
              app.bus.publish('jobs/1', published++)
              if (count % 10 === 0) await turn()
            }
          })
        },
      })
    const nodes: NatsNode[] = await Promise.all([start(), start()])
    await until(() => nodes.every(({ app }) => app.cluster.nodes().length === 2))
    await settled(...nodes)
    for (const { connect } of nodes) (await connect()).session.receive({ topic: 'publish' })
    await Promise.all(nodes.map(({ app }) => app.stop()))
    expect(handled.size).toBe(400)
    expect(published).toBe(400)
    expect(handled.repeated).toEqual([])
  })

  it('does not delay the stop of a node that has lost NATS', async () => {
    const server = await useNats()
    const handled = new Handled()
    const node = await startNode(server, { prepare: handled.join })
    await server.kill()
    await until(() => !node.app.cluster.connected)
    node.app.bus.publish('jobs/1', 1)
    await node.app.stop()
    expect(handled.size).toBe(1)
    expect(node.logged(/before all work/)).toEqual([])
  })
})
