import { expect } from 'vitest'
import { mismatch, violation } from '../../violation.ts'
import type { ClusterCase, ClusterCaseContext } from '../cluster-case.ts'
import type { ClusterNode, RecordedListener } from '../cluster-node.ts'

const ONE_NODE = 'Exactly one node of a group MUST handle each event'

const byNumber = (one: unknown, other: unknown): number => (one as number) - (other as number)

const handled = (members: readonly RecordedListener[]): unknown[] =>
  members.flatMap(({ payloads }) => payloads).sort(byNumber)

/** Publishes numbers from the nodes in turn. Resolves when the members together have handled each number once. */
const publishJobs = async (
  context: ClusterCaseContext,
  nodes: readonly ClusterNode[],
  members: readonly RecordedListener[],
  count: number,
): Promise<void> => {
  const before = handled(members).length
  for (let n = 0; n < count; n++) {
    nodes[n % nodes.length]?.app.bus.publish(`jobs/${n % 7}`, before + n)
    if (context.random.below(8) === 0) await new Promise(setImmediate)
  }
  await context.until(() => untilHandled(members, before + count))
}

const untilHandled = (members: readonly RecordedListener[], count: number): void => {
  const due = Array.from({ length: count }, (_, index) => index)
  const wrong = mismatch(handled(members), due)
  if (wrong) throw violation(ONE_NODE, wrong)
}

export const groups: readonly ClusterCase[] = [
  {
    name: 'exactly one node of each group handles an event, and the nodes share the work',
    async run(context) {
      const nodes = await context.startTrio()
      const [, b, c] = nodes
      const bills = nodes.map((node) => node.listen('jobs/*', { source: 'cluster', group: 'bills' }))
      // A group without the first node, whose members have different patterns.
      const mails = [
        b.listen('jobs/*', { source: 'cluster', group: 'mails' }),
        c.listen(['*', 'jobs/1'], { source: 'cluster', group: 'mails' }),
      ]
      await context.settle(...nodes)
      await publishJobs(context, nodes, bills, 300)
      await context.until(() => untilHandled(mails, 300))
      await context.settle(...nodes)
      untilHandled(bills, 300)
      untilHandled(mails, 300)
      for (const members of [bills, mails]) {
        const busy = members.filter(({ payloads }) => payloads.length > 0)
        expect(busy.length, 'More than one node of a group MUST get events').toBeGreaterThan(1)
      }
    },
  },
  {
    name: 'a member that has cancelled gets no more events, and the remaining members get all of them',
    async run(context) {
      const nodes = await context.startTrio()
      const members = nodes.map((node) => node.listen('jobs/*', { source: 'cluster' }))
      await context.settle(...nodes)
      await publishJobs(context, nodes, members, 60)
      members[1]?.subscription.cancel()
      await context.settle(...nodes)
      const before = members[1]?.payloads.length
      await publishJobs(context, nodes, members, 60)
      members[2]?.subscription.cancel()
      await context.settle(...nodes)
      await publishJobs(context, nodes, members, 60)
      expect(members[1]?.payloads.length, 'A cancelled member MUST get no more events').toBe(before)
    },
  },
  {
    name: 'all listeners of a group on the handling node get the event',
    async run(context) {
      const [a, b] = await context.startPair()
      const first = b.listen('jobs/*', { source: 'cluster', group: 'work' })
      const second = b.listen('jobs/1', { source: 'cluster', group: 'work' })
      await context.settle(a, b)
      for (let n = 0; n < 20; n++) a.app.bus.publish('jobs/1', n)
      for (const { payloads } of [first, second]) {
        await context.until(() => expect(payloads, ONE_NODE).toHaveLength(20))
      }
      await context.settle(a, b)
      for (const { payloads } of [first, second]) expect(payloads, ONE_NODE).toHaveLength(20)
    },
  },
  {
    name: 'a node that is alone in the cluster or in its group handles its own events',
    async run(context) {
      const a = await context.startNode()
      const member = a.listen('jobs/*', { source: 'cluster' })
      await publishJobs(context, [a], [member], 30)
      const b = await context.startNode()
      await context.untilMembers(a, b)
      await context.settle(a, b)
      await publishJobs(context, [a, b], [member], 30)
      await context.within(b.app.stop(), 'ClusterBackend.stop MUST resolve')
      await context.untilRemaining(a)
      await publishJobs(context, [a], [member], 30)
    },
  },
]
