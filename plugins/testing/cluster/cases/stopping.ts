import { expect } from 'vitest'
import type { ClusterMessage } from '../../../../core/cluster/cluster.ts'
import { rejectionCode } from '../../rejection-code.ts'
import { activeResources, untilReleased } from '../../resources.ts'
import type { ClusterCase } from '../cluster-case.ts'

const STOPS = 'ClusterBackend.stop MUST resolve'

export const stopping: readonly ClusterCase[] = [
  {
    name: 'a stopped node gets no questions and no group events: the other nodes get them',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      await b.openAs('bob')
      const members = [a, b].map((node) => node.listen('jobs', { source: 'cluster' }))
      const all = b.listen('jobs', { source: 'all' })
      await context.settle(a, b, c)
      expect(
        (await a.app.send({ user: 'bob' }, 'inbox', 1)).sessions,
        'A message to a user MUST reach the session',
      ).toBe(1)
      await context.within(b.app.stop(), STOPS)
      const before = members[1]?.payloads.length
      await context.untilRemaining(a, c)
      await context.settle(a, c)
      for (let n = 0; n < 40; n++) c.app.bus.publish('jobs', n)
      const requirement = 'A stopped node MUST NOT get group events'
      await context.until(() => expect(members[0]?.payloads, requirement).toHaveLength(40))
      expect(members[1]?.payloads, requirement).toHaveLength(before as number)
      expect(all.payloads, 'A stopped node MUST get no event').toEqual([])
      const sent = context.within(
        a.app.send({ user: 'bob' }, 'inbox', 2),
        'A message to a target without sessions MUST be rejected',
      )
      expect(await rejectionCode(sent), 'A stopped node MUST have no sessions').toBe('not_connected')
    },
  },
  {
    name: 'a node that stops while events come handles its share of the group events, and the other node handles the rest',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const members = [a, b].map((node) => node.listen('jobs', { source: 'cluster', group: 'work' }))
      await context.settle(a, b, c)
      let stopped = false
      const stopping = async () => {
        await context.within(b.app.stop(), STOPS)
        stopped = true
      }
      let published = 0
      const publish = async () => {
        for (let count = 0; count < 10; count++) c.app.bus.publish('jobs', published++)
        await new Promise(setImmediate)
      }
      await publish()
      const done = stopping()
      while (!stopped) await publish()
      await done
      const requirement =
        'ClusterBackend.drain MUST pass each group event to the app of the node that was chosen for it'
      const handled = () => members.flatMap(({ payloads }) => payloads as number[]).sort((x, y) => x - y)
      await context.until(() => expect(handled(), requirement).toHaveLength(published))
      await context.settle(a, c)
      expect(new Set(handled()).size, 'Only one node of a group MUST handle an event').toBe(published)
    },
  },
  {
    name: 'stop is idempotent, and calls after it do not throw',
    async run(context) {
      const [a, b] = await context.startPair()
      const { backend } = b
      const { subscription } = b.listen('jobs', { source: 'all' })
      const peer = await a.open('news')
      await context.within(b.app.stop(), STOPS)
      await context.within(Promise.all([backend.stop(), backend.stop()]), STOPS)
      const message: ClusterMessage = {
        topics: ['news'],
        topic: 'news',
        payload: '1',
        except: null,
        kind: null,
      }
      const event = { topics: ['jobs'], payload: 1, actor: null, client: null, except: null }
      const late = () => {
        subscription.cancel()
        backend.publish(message)
        backend.emit(event)
        backend.interest('news', true)
        backend.interest('news', false)
        backend.listen('news', 'group', true)
        backend.listen('news', 'group', false)
      }
      expect(late, 'publish, emit, interest and listen MUST NOT throw, also after stop').not.toThrow()
      const asked = context.within(
        backend.ask({ to: `$node/${a.id}`, method: 'send' }),
        'ClusterBackend.ask MUST settle after stop',
      )
      expect(await rejectionCode(asked), 'ClusterBackend.ask MUST reject without a connection').toBe(
        'cluster_unavailable',
      )
      await context.untilRemaining(a)
      expect(peer.received(), 'A stopped node MUST send nothing').toEqual([])
    },
  },
  {
    name: 'a node can be stopped before it starts and while it is starting',
    async run(context) {
      const a = await context.startNode()
      const never = context.createNode()
      await context.within(never.app.stop(), STOPS)
      for (const wait of [0, 0, 1, 3, 10, 30]) {
        const node = context.createNode()
        const started = node.app.start().then(
          () => 'started',
          () => 'gave up',
        )
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
        await context.within(node.app.stop(), 'ClusterBackend.start MUST reject soon after stop is called')
        await context.within(started, 'ClusterBackend.start MUST reject soon after stop is called')
        expect(node.app.state, STOPS).toBe('stopped')
      }
      await context.untilRemaining(a)
    },
  },
  {
    name: 'a stopped node leaves no connection and no timer',
    async run(context) {
      const runCluster = async () => {
        const [a, b] = await context.startPair()
        await b.openAs('bob')
        const { subscription } = b.listen('jobs', { source: 'cluster' })
        await context.settle(a, b)
        await a.app.publish('news', 1)
        await a.app.send({ user: 'bob' }, 'inbox', 1)
        // This question is never answered.
        b.app.cluster.answer('never', () => new Promise(() => {}))
        const asked = rejectionCode(a.app.cluster.askNode(b.id, 'never', undefined, 60_000))
        subscription.cancel()
        await context.within(Promise.all([a.app.stop(), b.app.stop()]), STOPS)
        await context.within(asked, 'A question MUST end when the connection is lost')
      }
      // The first round creates shared resources, such as a pool of threads. They are not leaks.
      await runCluster()
      const before = activeResources()
      for (let round = 0; round < 3; round++) await runCluster()
      await untilReleased(context, before, 'ClusterBackend.stop MUST NOT leave a connection or timer open')
    },
  },
]
