import { expect } from 'vitest'
import { breach, departure } from '../../violation.ts'
import type { ClusterCase, ClusterTrial } from '../cluster-case.ts'
import type { ClusterNode, Hearing } from '../cluster-node.ts'

const ONE = 'Of all nodes that listen for a group exactly one MUST handle each event'

const byNumber = (one: unknown, other: unknown): number => (one as number) - (other as number)

const handled = (members: readonly Hearing[]): unknown[] =>
  members.flatMap(({ payloads }) => payloads).sort(byNumber)

/** Publishes numbers from different nodes; resolves when members have handled each once, all together. */
const work = async (
  trial: ClusterTrial,
  nodes: readonly ClusterNode[],
  members: readonly Hearing[],
  count: number,
): Promise<void> => {
  const before = handled(members).length
  for (let n = 0; n < count; n++) {
    nodes[n % nodes.length]?.app.bus.publish(`jobs/${n % 7}`, before + n)
    if (trial.random.below(8) === 0) await new Promise(setImmediate)
  }
  await trial.until(() => untilHandled(members, before + count))
}

const untilHandled = (members: readonly Hearing[], count: number): void => {
  const due = Array.from({ length: count }, (_, index) => index)
  const wrong = departure(handled(members), due)
  if (wrong) throw breach(ONE, wrong)
}

export const groups: readonly ClusterCase[] = [
  {
    name: 'one node of each group handles an event, whoever publishes it, and the work is shared',
    async run(trial) {
      const nodes = await trial.trio()
      const [, b, c] = nodes
      const bills = nodes.map((node) => node.hear('jobs/*', { scope: 'cluster', group: 'bills' }))
      // One that the publisher is not in, and with different patterns.
      const mails = [
        b.hear('jobs/*', { scope: 'cluster', group: 'mails' }),
        c.hear(['*', 'jobs/1'], { scope: 'cluster', group: 'mails' }),
      ]
      await trial.settle(...nodes)
      await work(trial, nodes, bills, 300)
      await trial.until(() => untilHandled(mails, 300))
      await trial.settle(...nodes)
      untilHandled(bills, 300)
      untilHandled(mails, 300)
      for (const members of [bills, mails]) {
        const busy = members.filter(({ payloads }) => payloads.length > 0)
        expect(busy.length, 'The work of a group MUST reach more than one node').toBeGreaterThan(1)
      }
    },
  },
  {
    name: 'a member that has cancelled gets no more work, and those that are left get all of it',
    async run(trial) {
      const nodes = await trial.trio()
      const members = nodes.map((node) => node.hear('jobs/*', { scope: 'cluster' }))
      await trial.settle(...nodes)
      await work(trial, nodes, members, 60)
      members[1]?.subscription.cancel()
      await trial.settle(...nodes)
      const before = members[1]?.payloads.length
      await work(trial, nodes, members, 60)
      members[2]?.subscription.cancel()
      await trial.settle(...nodes)
      await work(trial, nodes, members, 60)
      expect(members[1]?.payloads.length, 'Who has cancelled gets nothing more').toBe(before)
    },
  },
  {
    name: 'several listeners of a group on one node all hear the event, if that node handles it',
    async run(trial) {
      const [a, b] = await trial.pair()
      const first = b.hear('jobs/*', { scope: 'cluster', group: 'work' })
      const second = b.hear('jobs/1', { scope: 'cluster', group: 'work' })
      await trial.settle(a, b)
      for (let n = 0; n < 20; n++) a.app.bus.publish('jobs/1', n)
      for (const { payloads } of [first, second]) {
        await trial.until(() => expect(payloads, ONE).toHaveLength(20))
      }
      await trial.settle(a, b)
      for (const { payloads } of [first, second]) expect(payloads, ONE).toHaveLength(20)
    },
  },
  {
    name: 'a node that is alone, or the only one in a group, handles its own events',
    async run(trial) {
      const a = await trial.node()
      const member = a.hear('jobs/*', { scope: 'cluster' })
      await work(trial, [a], [member], 30)
      const b = await trial.node()
      await trial.acquainted(a, b)
      await trial.settle(a, b)
      await work(trial, [a, b], [member], 30)
      await trial.within(b.app.stop(), 'ClusterBackend.stop resolves')
      await trial.left(a)
      await work(trial, [a], [member], 30)
    },
  },
]
