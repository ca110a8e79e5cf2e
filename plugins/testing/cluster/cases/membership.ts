import { expect } from 'vitest'
import { breach, show } from '../../violation.ts'
import { ABSENCE, type ClusterCase } from '../cluster-case.ts'

const ID = /^[A-Za-z0-9_]+$/

export const membership: readonly ClusterCase[] = [
  {
    name: 'a node that has started knows the others, who soon know it and are told once that it joined',
    async run(trial) {
      const a = await trial.node()
      const b = await trial.node()
      const known = 'ClusterBackend.start resolves when the other nodes are known'
      expect(b.app.cluster.nodes(), known).toContain(a.id)
      await trial.acquainted(a, b)
      const c = await trial.node()
      expect(c.app.cluster.nodes(), known).toEqual([a.id, b.id, c.id].sort())
      await trial.acquainted(a, b, c)
      await trial.settle(a, b, c)
      const told = 'ClusterHost.changed tells once that a node has joined'
      expect(a.changes, told).toEqual([
        { node: b.id, change: 'joined' },
        { node: c.id, change: 'joined' },
      ])
      expect(b.sawOf(c), told).toEqual(['joined'])
      for (const { app } of [a, b, c]) expect(app.cluster.connected, 'ClusterBackend.connected').toBe(true)
    },
  },
  {
    name: 'every node has an id of its own, of letters, digits and _, with which its session ids begin',
    async run(trial) {
      const nodes = [await trial.node(), await trial.node(), await trial.node()]
      const ids = nodes.map(({ id }) => id)
      expect(new Set(ids).size, 'ClusterBackend.node is unique in the cluster').toBe(nodes.length)
      for (const node of nodes) {
        expect(node.id, 'ClusterBackend.node is of letters, digits and _').toMatch(ID)
        const { session } = await node.open()
        expect(session.id.startsWith(`${node.id}-`), 'Session ids begin with the id of their node').toBe(true)
      }
    },
  },
  {
    name: 'a node that stops is seen leaving by all others, each of which is told once',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      await trial.within(b.app.stop(), 'ClusterBackend.stop resolves')
      await trial.left(a, c)
      const demand = 'ClusterHost.changed tells once that a node has left'
      for (const node of [a, c]) {
        await trial.until(() => expect(node.sawOf(b).at(-1), demand).toBe('left'), ABSENCE)
      }
      await trial.settle(a, c)
      for (const node of [a, c]) {
        const left = node.sawOf(b).filter((change) => change === 'left')
        expect(left, demand).toHaveLength(1)
      }
      expect(a.sawOf(c), 'No other node has left').not.toContain('left')
    },
  },
  {
    name: 'nodes that start at once all see each other, in the same order',
    async run(trial) {
      const nodes = Array.from({ length: 6 }, () => trial.create())
      await trial.within(Promise.all(nodes.map(({ app }) => app.start())), 'ClusterBackend.start resolves')
      await trial.acquainted(...nodes)
      await trial.settle(...nodes)
      for (const node of nodes) {
        for (const other of nodes) {
          const seen = node.sawOf(other)
          // Whether a node is told of those that were there before it is its backend's choice.
          if (seen.length > 1 || seen.some((change) => change !== 'joined')) {
            throw breach('ClusterHost.changed tells once that a node has joined', `it told ${show(seen)}`)
          }
        }
      }
    },
  },
  {
    name: 'nodes that start after others have stopped find only each other',
    async run(trial) {
      const [a, b] = await trial.pair()
      await Promise.all([a.app.stop(), b.app.stop()])
      const c = await trial.node()
      const d = await trial.node()
      await trial.left(c, d)
      expect([a.id, b.id], 'A node that starts anew is another one').not.toContain(c.id)
      const peer = await d.open('news')
      await trial.settle(c, d)
      await c.app.publish('news', 'fresh')
      await trial.until(() =>
        expect(peer.got(), 'What is published MUST reach the others').toEqual(['fresh']),
      )
    },
  },
]
