import { expect } from 'vitest'
import { excerpt, violation } from '../../violation.ts'
import { ABSENCE_DETECTION_MS, type ClusterCase } from '../cluster-case.ts'

const ID = /^[A-Za-z0-9_]+$/

export const membership: readonly ClusterCase[] = [
  {
    name: 'a node that has started knows the others, who soon know it and are told once that it joined',
    async run(context) {
      const a = await context.startNode()
      const b = await context.startNode()
      const known = 'ClusterBackend.start resolves when the other nodes are known'
      expect(b.app.cluster.nodes(), known).toContain(a.id)
      await context.untilMembers(a, b)
      const c = await context.startNode()
      expect(c.app.cluster.nodes(), known).toEqual([a.id, b.id, c.id].sort())
      await context.untilMembers(a, b, c)
      await context.settle(a, b, c)
      const told = 'ClusterHost.changed tells once that a node has joined'
      expect(a.changes, told).toEqual([
        { node: b.id, change: 'joined' },
        { node: c.id, change: 'joined' },
      ])
      expect(b.changesOf(c), told).toEqual(['joined'])
      for (const { app } of [a, b, c]) expect(app.cluster.connected, 'ClusterBackend.connected').toBe(true)
    },
  },
  {
    name: 'every node has an id of its own, of letters, digits and _, with which its session ids begin',
    async run(context) {
      const nodes = [await context.startNode(), await context.startNode(), await context.startNode()]
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
    async run(context) {
      const [a, b, c] = await context.startTrio()
      await context.within(b.app.stop(), 'ClusterBackend.stop resolves')
      await context.untilRemaining(a, c)
      const requirement = 'ClusterHost.changed tells once that a node has left'
      for (const node of [a, c]) {
        await context.until(
          () => expect(node.changesOf(b).at(-1), requirement).toBe('left'),
          ABSENCE_DETECTION_MS,
        )
      }
      await context.settle(a, c)
      for (const node of [a, c]) {
        const left = node.changesOf(b).filter((change) => change === 'left')
        expect(left, requirement).toHaveLength(1)
      }
      expect(a.changesOf(c), 'No other node has left').not.toContain('left')
    },
  },
  {
    name: 'nodes that start at once all see each other, in the same order',
    async run(context) {
      const nodes = Array.from({ length: 6 }, () => context.createNode())
      await context.within(Promise.all(nodes.map(({ app }) => app.start())), 'ClusterBackend.start resolves')
      await context.untilMembers(...nodes)
      await context.settle(...nodes)
      for (const node of nodes) {
        for (const other of nodes) {
          const seen = node.changesOf(other)
          // Whether a node is told of those that were there before it is its backend's choice.
          if (seen.length > 1 || seen.some((change) => change !== 'joined')) {
            throw violation(
              'ClusterHost.changed tells once that a node has joined',
              `it told ${excerpt(seen)}`,
            )
          }
        }
      }
    },
  },
  {
    name: 'nodes that start after others have stopped find only each other',
    async run(context) {
      const [a, b] = await context.startPair()
      await Promise.all([a.app.stop(), b.app.stop()])
      const c = await context.startNode()
      const d = await context.startNode()
      await context.untilRemaining(c, d)
      expect([a.id, b.id], 'A node that starts anew is another one').not.toContain(c.id)
      const peer = await d.open('news')
      await context.settle(c, d)
      await c.app.publish('news', 'fresh')
      await context.until(() =>
        expect(peer.received(), 'What is published MUST reach the others').toEqual(['fresh']),
      )
    },
  },
]
