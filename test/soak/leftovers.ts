import { activeResources, type Resources } from '../../plugins/testing/resources.ts'
import { type NodeView, ROOMS } from './messages.ts'
import type { SoakCluster } from './soak-cluster.ts'
import { untilNone } from './until.ts'
import type { Violations } from './violations.ts'

/** Milliseconds until nothing of the closed clients is left. */
const RELEASE_MS = 60_000

/** What nodes without clients hold. */
export interface Leftovers {
  readonly natsSubscriptions: readonly string[]
  /** Sockets and timers of a node, by kind. */
  readonly resources: Resources
}

export const takeLeftovers = async (cluster: SoakCluster): Promise<Leftovers> => {
  const resources: Record<string, number> = {}
  for (const view of await cluster.look()) {
    for (const [kind, count] of Object.entries(view.resources)) {
      resources[kind] = Math.max(resources[kind] ?? 0, count)
    }
  }
  return { natsSubscriptions: await cluster.natsSubscriptions(), resources }
}

/** Checks that nothing of the closed clients is left: sessions, rooms, subscriptions, sockets and timers. */
export const checkLeftovers = async (
  cluster: SoakCluster,
  before: Leftovers,
  violations: Violations,
): Promise<void> => {
  await Promise.all(cluster.nodes.map((node) => node.ask({ ask: 'end' })))
  const left = await untilNone(async () => {
    const views = await cluster.look()
    return [
      ...views.flatMap((view) => inNode(view, before)),
      ...inNats(await cluster.natsSubscriptions(), before),
    ]
  }, RELEASE_MS)
  for (const what of left) violations.add('left over', what)
}

const inNode = ({ node, sessions, list, members, resources }: NodeView, before: Leftovers): string[] => [
  ...sessions.map(({ id, user }) => `${node} has a session of ${user}: ${id.slice(0, 20)}`),
  ...list.map((room) => `${node} has the room ${room}`),
  ...ROOMS.filter((room) => (members[room]?.ids.length ?? 0) > 0).map(
    (room) => `${node} has members of ${room}`,
  ),
  ...moreThan(before.resources, resources).map((what) => `${node} has ${what}`),
]

const moreThan = (before: Resources, now: Resources): string[] =>
  Object.entries(now)
    .filter(([kind, count]) => count > (before[kind] ?? 0))
    .map(([kind, count]) => `${count} of ${kind}, before the clients ${before[kind] ?? 0}`)

/** Checks that this process has no more sockets and timers than before the soak. */
export const checkOwnLeftovers = async (before: Resources, violations: Violations): Promise<void> => {
  // The wait has a timer of its own, but not while it looks.
  for (const what of await untilNone(() => moreThan(before, activeResources()), RELEASE_MS)) {
    violations.add('left over', `the clients have ${what}`)
  }
}

/** Subscriptions that are there more often than before. */
const inNats = (now: readonly string[], before: Leftovers): string[] => {
  const unexplained = [...before.natsSubscriptions]
  return now
    .filter((subject) => {
      const index = unexplained.indexOf(subject)
      if (index >= 0) unexplained.splice(index, 1)
      return index < 0
    })
    .map((subject) => `NATS has the subscription ${subject}`)
}
