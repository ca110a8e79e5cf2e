import { expect } from 'vitest'
import { rejectionCode } from '../../rejection-code.ts'
import { excerpt, violation } from '../../violation.ts'
import { ABSENCE_DETECTION_MS, type ClusterCase } from '../cluster-case.ts'

const ID = /^[A-Za-z0-9_]+$/

export const membership: readonly ClusterCase[] = [
  {
    name: 'a started node knows the other nodes, and each of them is told once that it joined',
    async run(context) {
      const a = await context.startNode()
      const b = await context.startNode()
      const known = 'ClusterBackend.start MUST resolve when the other nodes are known'
      expect(b.app.cluster.nodes(), known).toContain(a.id)
      await context.untilMembers(a, b)
      const c = await context.startNode()
      expect(c.app.cluster.nodes(), known).toEqual([a.id, b.id, c.id].sort())
      await context.untilMembers(a, b, c)
      await context.settle(a, b, c)
      const reported = 'ClusterHost.changed MUST report once that a node has joined'
      expect(a.changes, reported).toEqual([
        { node: b.id, change: 'joined' },
        { node: c.id, change: 'joined' },
      ])
      expect(b.changesOf(c), reported).toEqual(['joined'])
      for (const { app } of [a, b, c])
        expect(app.cluster.connected, 'ClusterBackend.connected MUST be true').toBe(true)
    },
  },
  {
    name: 'every node has a unique id of letters, digits and _, and its session ids begin with it',
    async run(context) {
      const nodes = [await context.startNode(), await context.startNode(), await context.startNode()]
      const ids = nodes.map(({ id }) => id)
      expect(new Set(ids).size, 'ClusterBackend.node MUST be unique in the cluster').toBe(nodes.length)
      for (const node of nodes) {
        expect(node.id, 'ClusterBackend.node MUST consist of letters, digits and _').toMatch(ID)
        const { session } = await node.open()
        expect(session.id.startsWith(`${node.id}-`), 'Session ids MUST begin with the id of their node').toBe(
          true,
        )
      }
    },
  },
  {
    name: 'when a node stops, every other node is told once that it left',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      await context.within(b.app.stop(), 'ClusterBackend.stop MUST resolve')
      await context.untilRemaining(a, c)
      const requirement = 'ClusterHost.changed MUST report once that a node has left'
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
      expect(a.changesOf(c), 'A running node MUST NOT be reported as left').not.toContain('left')
    },
  },
  {
    name: 'nodes that start at the same time all know each other, in the same order',
    async run(context) {
      const nodes = Array.from({ length: 6 }, () => context.createNode())
      await context.within(
        Promise.all(nodes.map(({ app }) => app.start())),
        'ClusterBackend.start MUST resolve',
      )
      await context.untilMembers(...nodes)
      await context.settle(...nodes)
      for (const node of nodes) {
        for (const other of nodes) {
          const seen = node.changesOf(other)
          // A backend may report the nodes that started earlier, or not.
          if (seen.length > 1 || seen.some((change) => change !== 'joined')) {
            throw violation(
              'ClusterHost.changed MUST report once that a node has joined',
              `the changes were ${excerpt(seen)}`,
            )
          }
        }
      }
    },
  },
  {
    name: 'nodes that start after others have stopped know only each other',
    async run(context) {
      const [a, b] = await context.startPair()
      await Promise.all([a.app.stop(), b.app.stop()])
      const c = await context.startNode()
      const d = await context.startNode()
      await context.untilRemaining(c, d)
      expect([a.id, b.id], 'A node that starts again MUST have a new id').not.toContain(c.id)
      const peer = await d.open('news')
      await context.settle(c, d)
      await c.app.publish('news', 'fresh')
      await context.until(() =>
        expect(peer.received(), 'A published message MUST reach the other nodes').toEqual(['fresh']),
      )
    },
  },
  {
    name: 'every node finds the owner of a session id, also right after the owner has started, and refuses a forged id',
    async run(context) {
      const [a, b] = await context.startPair()
      const late = await context.startNode()
      const found = 'A node MUST find the owner of every session id of a node of the cluster'
      const owners = await Promise.all([a, b, late].map(async (node) => ({ node, peer: await node.open() })))
      for (const asking of [a, b, late]) {
        const asked = owners.map(({ peer }) =>
          context.within(
            asking.ownerOf(peer.session.id).catch(({ code }) => code),
            found,
          ),
        )
        expect(await Promise.all(asked), found).toEqual(owners.map(({ node }) => node.id))
        for (const { node, peer } of owners) {
          const { id } = peer.session
          const other = owners.find((owner) => owner.node !== node)!
          const forged = [
            `${node.id}-0`,
            id.slice(0, -1),
            `${id}A`,
            id.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
            id.replace(node.id, other.node.id),
            id.replace(node.id, 'nobody'),
          ]
          for (const wrong of forged) {
            const code = rejectionCode(context.within(asking.ownerOf(wrong), 'A forged id MUST be refused'))
            expect(await code, `A forged id MUST be refused: ${wrong}`).toBe('unknown_session')
          }
        }
      }
    },
  },
]
