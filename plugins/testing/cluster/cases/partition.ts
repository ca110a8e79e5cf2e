import { expect } from 'vitest'
import { codeOf } from '../../rejection-code.ts'
import { breach, show } from '../../violation.ts'
import { ABSENCE, type ClusterCase, type ClusterTrial } from '../cluster-case.ts'
import type { ClusterNode } from '../cluster-node.ts'

/** Cuts a node off, and waits until both sides know. */
const cutOff = async (trial: ClusterTrial, cut: ClusterNode, ...others: ClusterNode[]): Promise<void> => {
  await trial.cut(cut)
  await Promise.all([trial.left(cut), trial.left(...others)])
}

/** Lets it back, and waits until both sides know. */
const letBack = async (trial: ClusterTrial, ...nodes: ClusterNode[]): Promise<void> => {
  await trial.heal(nodes[0] as ClusterNode)
  await trial.left(...nodes)
  await trial.settle(...nodes)
}

const GOES_ON = 'The app delivers locally by itself, and never waits for the backend'

export const partition: readonly ClusterCase[] = [
  {
    name: 'when a node is cut off both sides see each other leaving, and when it is back, coming',
    capability: 'partition',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      await cutOff(trial, a, b, c)
      const pairs = [
        [a, b],
        [a, c],
        [b, a],
        [c, a],
      ] as const
      for (const [seer, seen] of pairs) {
        const demand = 'ClusterHost.changed tells that a node has left'
        await trial.until(() => expect(seer.sawOf(seen).at(-1), demand).toBe('left'), ABSENCE)
      }
      expect(b.sawOf(c), 'Who was not cut off has not left').not.toContain('left')
      const state = 'ClusterBackend.connected says whether other nodes can be reached'
      expect(
        [a, b, c].map(({ app }) => app.cluster.connected),
        state,
      ).toEqual([false, true, true])
      await letBack(trial, a, b, c)
      for (const [seer, seen] of pairs) {
        const back = () => {
          const last = seer.sawOf(seen).at(-1)
          if (last !== 'joined' && last !== 'restored') {
            throw breach('ClusterHost.changed tells that a node is back', `it told ${show(seer.sawOf(seen))}`)
          }
        }
        await trial.until(back)
      }
      expect(
        [a, b, c].map(({ app }) => app.cluster.connected),
        state,
      ).toEqual([true, true, true])
    },
  },
  {
    name: 'while a node is cut off, messages, events and groups go on at both sides',
    capability: 'partition',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      const at = async (node: ClusterNode) => ({
        node,
        peer: await node.open('news'),
        user: await node.openAs(`of ${node.id}`),
        all: node.hear('news', { scope: 'all' }),
        group: node.hear('jobs', { scope: 'cluster' }),
      })
      const [cut, ...others] = [await at(a), await at(b), await at(c)]
      await trial.settle(a, b, c)
      const early = [await trial.cut(a), a.app.publish('news', 'at once')]
      await trial.until(() => expect(cut.peer.got(), GOES_ON).toEqual(['at once']), 1000)
      await Promise.all(early)
      await Promise.all([trial.left(a), trial.left(b, c)])
      await a.app.publish('news', 'of the one')
      await b.app.publish('news', 'of the others')
      a.app.bus.publish('jobs', 'of the one')
      for (let n = 0; n < 20; n++) b.app.bus.publish('jobs', n)
      await trial.until(() => expect(cut.peer.got(), GOES_ON).toEqual(['at once', 'of the one']))
      expect(cut.all.payloads, GOES_ON).toEqual(['at once', 'of the one'])
      await trial.until(() => expect(cut.group.payloads, GOES_ON).toEqual(['of the one']))
      for (const { peer, all } of others) {
        await trial.until(() => expect(peer.got().at(-1), GOES_ON).toBe('of the others'))
        await trial.until(() => expect(all.payloads.at(-1), GOES_ON).toBe('of the others'))
      }
      const handled = () => others.flatMap(({ group }) => group.payloads)
      await trial.until(() => expect(handled(), GOES_ON).toHaveLength(20))
      for (const { node } of [cut, ...others]) {
        const sent = node.app.send({ user: `of ${node.id}` }, 'inbox', 1)
        expect(await trial.within(sent, GOES_ON), GOES_ON).toBe(1)
      }
    },
  },
  {
    name: 'while a node is cut off, a message to somebody on the other side is refused, and soon',
    capability: 'partition',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      await a.openAs('ada')
      await b.openAs('bob')
      b.app.cluster.answer('never', () => new Promise(() => {}))
      await trial.settle(a, b, c)
      const underWay = codeOf(a.app.cluster.askNode(b.id, 'never', undefined, 10 * ABSENCE))
      const refused = async (from: ClusterNode, user: string) => {
        const demand = 'A question MUST end when the nodes that it is for are gone'
        const code = await codeOf(trial.within(from.app.send({ user }, 'inbox', 1), demand))
        expect(['not_connected', 'cluster_unavailable'], `${demand}; it ended with ${show(code)}`).toContain(
          code,
        )
      }
      await trial.cut(a)
      await Promise.all([refused(a, 'bob'), refused(c, 'ada')])
      await Promise.all([trial.left(a), trial.left(b, c)])
      await Promise.all([refused(a, 'bob'), refused(c, 'ada')])
      expect(await c.app.send({ user: 'bob' }, 'inbox', 1), 'The others reach each other').toBe(1)
      const unreachable = 'ClusterBackend.ask rejects when there is no connection, or it is lost'
      expect(await trial.within(underWay, unreachable), unreachable).toBe('cluster_unavailable')
      const asked = trial.within(a.app.cluster.ask({ to: '$user/bob', method: 'who' }), unreachable)
      expect(await codeOf(asked), unreachable).toBe('cluster_unavailable')
      await letBack(trial, a, b, c)
      expect(await a.app.send({ user: 'bob' }, 'inbox', 2), 'What was cut is whole again').toBe(1)
      expect(await c.app.send({ user: 'ada' }, 'inbox', 2), 'What was cut is whole again').toBe(1)
    },
  },
  {
    name: 'once a node is back, all that was wanted before and meanwhile comes, and nothing comes twice',
    capability: 'partition',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      const before = await Promise.all([a, b].map((node) => node.open('before/*', 'during/*')))
      const dropped = await a.open('dropped')
      const listening = a.hear('events/*', { scope: 'all' })
      await trial.settle(a, b, c)
      await cutOff(trial, a, b, c)
      const during = await Promise.all([a, b].map((node) => node.open('during/*', 'new/*')))
      const late = a.hear('late/*', { scope: 'all' })
      dropped.session.unsubscribe('dropped')
      for (let n = 0; n < 20; n++) {
        for (const { app, id } of [a, b]) await app.publish(`during/${n}`, `${n} of ${id}`)
      }
      await letBack(trial, a, b, c)
      await c.app.publish('dropped', 'not wanted')
      await c.app.publish('before/1', 'whole again')
      await c.app.publish('during/1', 'whole again')
      await c.app.publish('new/1', 'whole again')
      c.app.bus.publish('events/1', 'whole again')
      c.app.bus.publish('late/1', 'whole again')
      const demand = 'What nodes want MUST hold again when they are back'
      for (const peer of before) {
        await trial.until(() => expect(peer.got('before/1'), demand).toEqual(['whole again']))
      }
      for (const peer of [...before, ...during]) {
        await trial.until(() => expect(peer.got('during/1'), demand).toContain('whole again'))
      }
      for (const peer of during) {
        await trial.until(() => expect(peer.got('new/1'), demand).toEqual(['whole again']))
      }
      for (const { payloads } of [listening, late]) {
        await trial.until(() => expect(payloads, demand).toEqual(['whole again']))
      }
      await trial.settle(a, b, c)
      for (const peer of [...before, ...during]) {
        const got = peer.got()
        const twice = got.filter(
          (payload, index) => payload !== 'whole again' && got.indexOf(payload) < index,
        )
        if (twice.length > 0) throw breach('Nothing is delivered twice', `these came again: ${show(twice)}`)
      }
      expect(dropped.got(), 'Who no longer subscribes gets nothing more').toEqual([])
    },
  },
  {
    name: 'after a short cut the nodes have each other, as if nothing had been',
    capability: 'partition',
    async run(trial) {
      const [a, b] = await trial.pair()
      const [here, there] = [await a.open('news'), await b.openAs('bob')]
      there.session.subscribe('news')
      await trial.settle(a, b)
      for (let round = 0; round < 3; round++) {
        await trial.cut(a)
        await letBack(trial, a, b)
        await a.app.publish('news', round)
        await b.app.publish('news', round)
        for (const peer of [here, there]) {
          const due = Array.from({ length: 2 * (round + 1) }, (_, index) => index >> 1)
          await trial.until(() =>
            expect(peer.got('news').sort(), 'Nodes that are back reach each other').toEqual(due),
          )
        }
        expect(
          await a.app.send({ user: 'bob' }, 'inbox', round),
          'Nodes that are back reach each other',
        ).toBe(1)
      }
      for (const [seer, seen] of [
        [a, b],
        [b, a],
      ] as const) {
        await trial.until(() => {
          const changes = seer.sawOf(seen)
          if (changes.at(-1) === 'left') {
            throw breach('Who is told that a node left MUST be told that it is back', show(changes))
          }
        })
      }
    },
  },
]
