import { expect } from 'vitest'
import { rejectionCode } from '../../rejection-code.ts'
import { excerpt, violation } from '../../violation.ts'
import { ABSENCE_DETECTION_MS, type ClusterCase, type ClusterCaseContext } from '../cluster-case.ts'
import type { ClusterNode } from '../cluster-node.ts'

/** Cuts a node off. Resolves when both sides have noticed. */
const cutOff = async (
  context: ClusterCaseContext,
  cut: ClusterNode,
  ...others: ClusterNode[]
): Promise<void> => {
  await context.cut(cut)
  await Promise.all([context.untilRemaining(cut), context.untilRemaining(...others)])
}

/** Reconnects the first node. Resolves when all nodes know each other and their interest. */
const reconnect = async (context: ClusterCaseContext, ...nodes: ClusterNode[]): Promise<void> => {
  await context.heal(nodes[0] as ClusterNode)
  await context.untilRemaining(...nodes)
  await context.settle(...nodes)
}

const LOCAL_DELIVERY = 'Delivery on the own node MUST NOT depend on the backend'

export const partition: readonly ClusterCase[] = [
  {
    name: 'when a node is cut off, both sides are told that the other left, and later that it is back',
    capability: 'partition',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      await cutOff(context, a, b, c)
      const pairs = [
        [a, b],
        [a, c],
        [b, a],
        [c, a],
      ] as const
      for (const [observer, other] of pairs) {
        const requirement = 'ClusterHost.changed MUST report that a node has left'
        await context.until(
          () => expect(observer.changesOf(other).at(-1), requirement).toBe('left'),
          ABSENCE_DETECTION_MS,
        )
      }
      expect(b.changesOf(c), 'A node that was not cut off MUST NOT be reported as left').not.toContain('left')
      const state = 'ClusterBackend.connected MUST say whether other nodes can be reached'
      expect(
        [a, b, c].map(({ app }) => app.cluster.connected),
        state,
      ).toEqual([false, true, true])
      await reconnect(context, a, b, c)
      for (const [observer, other] of pairs) {
        const back = () => {
          const last = observer.changesOf(other).at(-1)
          if (last !== 'joined' && last !== 'restored') {
            throw violation(
              'ClusterHost.changed MUST report that a node is back',
              `the changes were ${excerpt(observer.changesOf(other))}`,
            )
          }
        }
        await context.until(back)
      }
      expect(
        [a, b, c].map(({ app }) => app.cluster.connected),
        state,
      ).toEqual([true, true, true])
    },
  },
  {
    name: 'while a node is cut off, messages, events and groups work on both sides',
    capability: 'partition',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const at = async (node: ClusterNode) => ({
        node,
        peer: await node.open('news'),
        user: await node.openAs(`of ${node.id}`),
        all: node.listen('news', { source: 'all' }),
        group: node.listen('jobs', { source: 'cluster' }),
      })
      const [cut, ...others] = [await at(a), await at(b), await at(c)]
      await context.settle(a, b, c)
      const early = [await context.cut(a), a.app.publish('news', 'at once')]
      await context.until(() => expect(cut.peer.received(), LOCAL_DELIVERY).toEqual(['at once']), 1000)
      await Promise.all(early)
      await Promise.all([context.untilRemaining(a), context.untilRemaining(b, c)])
      await a.app.publish('news', 'of the cut node')
      await b.app.publish('news', 'of the others')
      a.app.bus.publish('jobs', 'of the cut node')
      for (let n = 0; n < 20; n++) b.app.bus.publish('jobs', n)
      await context.until(() =>
        expect(cut.peer.received(), LOCAL_DELIVERY).toEqual(['at once', 'of the cut node']),
      )
      expect(cut.all.payloads, LOCAL_DELIVERY).toEqual(['at once', 'of the cut node'])
      await context.until(() => expect(cut.group.payloads, LOCAL_DELIVERY).toEqual(['of the cut node']))
      for (const { peer, all } of others) {
        await context.until(() => expect(peer.received().at(-1), LOCAL_DELIVERY).toBe('of the others'))
        await context.until(() => expect(all.payloads.at(-1), LOCAL_DELIVERY).toBe('of the others'))
      }
      const handled = () => others.flatMap(({ group }) => group.payloads)
      await context.until(() => expect(handled(), LOCAL_DELIVERY).toHaveLength(20))
      for (const { node } of [cut, ...others]) {
        const sent = node.app.send({ user: `of ${node.id}` }, 'inbox', 1)
        expect((await context.within(sent, LOCAL_DELIVERY)).sessions, LOCAL_DELIVERY).toBe(1)
      }
    },
  },
  {
    name: 'while a node is cut off, a message to a user on the other side is rejected soon',
    capability: 'partition',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      await a.openAs('ada')
      await b.openAs('bob')
      b.app.cluster.answer('never', () => new Promise(() => {}))
      await context.settle(a, b, c)
      const underWay = rejectionCode(
        a.app.cluster.askNode(b.id, 'never', undefined, 10 * ABSENCE_DETECTION_MS),
      )
      const refused = async (from: ClusterNode, user: string) => {
        const requirement = 'A question MUST end when its recipients are gone'
        const code = await rejectionCode(context.within(from.app.send({ user }, 'inbox', 1), requirement))
        expect(
          ['not_connected', 'cluster_unavailable'],
          `${requirement}; it ended with ${excerpt(code)}`,
        ).toContain(code)
      }
      await context.cut(a)
      await Promise.all([refused(a, 'bob'), refused(c, 'ada')])
      await Promise.all([context.untilRemaining(a), context.untilRemaining(b, c)])
      await Promise.all([refused(a, 'bob'), refused(c, 'ada')])
      expect(
        (await c.app.send({ user: 'bob' }, 'inbox', 1)).sessions,
        'The nodes that are still connected MUST reach each other',
      ).toBe(1)
      const unreachable =
        'ClusterBackend.ask MUST reject without a connection, and when the connection is lost'
      expect(await context.within(underWay, unreachable), unreachable).toBe('cluster_unavailable')
      const asked = context.within(a.app.cluster.ask({ to: '$user/bob', method: 'who' }), unreachable)
      expect(await rejectionCode(asked), unreachable).toBe('cluster_unavailable')
      await reconnect(context, a, b, c)
      expect(
        (await a.app.send({ user: 'bob' }, 'inbox', 2)).sessions,
        'Reconnected nodes MUST reach each other',
      ).toBe(1)
      expect(
        (await c.app.send({ user: 'ada' }, 'inbox', 2)).sessions,
        'Reconnected nodes MUST reach each other',
      ).toBe(1)
    },
  },
  {
    name: 'once a node is back, old and new subscriptions take effect, and nothing is delivered twice',
    capability: 'partition',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const before = await Promise.all([a, b].map((node) => node.open('before/*', 'during/*')))
      const dropped = await a.open('dropped')
      const listening = a.listen('events/*', { source: 'all' })
      await context.settle(a, b, c)
      await cutOff(context, a, b, c)
      const during = await Promise.all([a, b].map((node) => node.open('during/*', 'new/*')))
      const late = a.listen('late/*', { source: 'all' })
      dropped.session.unsubscribe('dropped')
      for (let n = 0; n < 20; n++) {
        for (const { app, id } of [a, b]) await app.publish(`during/${n}`, `${n} of ${id}`)
      }
      await reconnect(context, a, b, c)
      await c.app.publish('dropped', 'not wanted')
      await c.app.publish('before/1', 'after the cut')
      await c.app.publish('during/1', 'after the cut')
      await c.app.publish('new/1', 'after the cut')
      c.app.bus.publish('events/1', 'after the cut')
      c.app.bus.publish('late/1', 'after the cut')
      const requirement = 'The interest of a node MUST take effect again when it is back'
      for (const peer of before) {
        await context.until(() => expect(peer.received('before/1'), requirement).toEqual(['after the cut']))
      }
      for (const peer of [...before, ...during]) {
        await context.until(() => expect(peer.received('during/1'), requirement).toContain('after the cut'))
      }
      for (const peer of during) {
        await context.until(() => expect(peer.received('new/1'), requirement).toEqual(['after the cut']))
      }
      for (const { payloads } of [listening, late]) {
        await context.until(() => expect(payloads, requirement).toEqual(['after the cut']))
      }
      await context.settle(a, b, c)
      for (const peer of [...before, ...during]) {
        const got = peer.received()
        const twice = got.filter(
          (payload, index) => payload !== 'after the cut' && got.indexOf(payload) < index,
        )
        if (twice.length > 0)
          throw violation('A message MUST NOT be delivered twice', `delivered again: ${excerpt(twice)}`)
      }
      expect(dropped.received(), 'A session MUST get no message after it has unsubscribed').toEqual([])
    },
  },
  {
    name: 'after a short cut the nodes reach each other again',
    capability: 'partition',
    async run(context) {
      const [a, b] = await context.startPair()
      const [here, there] = [await a.open('news'), await b.openAs('bob')]
      there.session.subscribe('news')
      await context.settle(a, b)
      for (let round = 0; round < 3; round++) {
        await context.cut(a)
        await reconnect(context, a, b)
        await a.app.publish('news', round)
        await b.app.publish('news', round)
        for (const peer of [here, there]) {
          const due = Array.from({ length: 2 * (round + 1) }, (_, index) => index >> 1)
          await context.until(() =>
            expect(peer.received('news').sort(), 'Reconnected nodes MUST reach each other').toEqual(due),
          )
        }
        expect(
          (await a.app.send({ user: 'bob' }, 'inbox', round)).sessions,
          'Reconnected nodes MUST reach each other',
        ).toBe(1)
      }
      for (const [observer, other] of [
        [a, b],
        [b, a],
      ] as const) {
        await context.until(() => {
          const changes = observer.changesOf(other)
          if (changes.at(-1) === 'left') {
            throw violation(
              'A node that was told that another left MUST be told that it is back',
              `the changes were ${excerpt(changes)}`,
            )
          }
        })
      }
    },
  },
]
