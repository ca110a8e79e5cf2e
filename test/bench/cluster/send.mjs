import { LOAD_CORE, SERVER_CORE } from '../ipc.mjs'
import { closing } from './closing.mjs'
import { NatsServer } from './nats-server.mjs'
import { compare, timesOf } from './rounds.mjs'
import { startNode } from './start.mjs'

/** Milliseconds between two sends. At 10 ms, no send overlaps with another. */
const INTERVALS_MS = { 'back to back': 0, '10 ms apart': 10 }

/** Sizes of the cluster. The user is on one node, or on two if there are three nodes or more. */
const SIZES = [2, 3, 8]

/**
 * Measures `app.send` to a user on another node of clusters of several sizes, one send at a time, beside a request of the
 * NATS client.
 *
 * @param {{ rounds: number, count: number }} plan
 */
export const measureSend = (plan) =>
  closing(async (own) => {
    const nats = own(await new NatsServer(LOAD_CORE).start())
    const node = (/** @type {string} */ kind) => startNode(own, kind, SERVER_CORE, nats.url)
    const [plainA, plainB] = [await node('nats'), await node('nats')]
    await plainB.worker.call('connect', 'alice')
    const [a, b] = [await node('rookery'), await node('rookery')]
    const session = await b.worker.call('connect', 'alice')
    const rows = []
    let nodes = 2
    for (const size of SIZES) {
      for (; nodes < size; nodes++) {
        const { worker } = await node('rookery')
        if (nodes > 2) continue
        await b.worker.call('connect', 'bob')
        await worker.call('connect', 'bob')
      }
      rows.push(...(await measureSize({ plain: plainA.worker, from: a.worker, session, size }, plan)))
    }
    return rows
  })

/**
 * @typedef {import('./start.mjs').Callable} Callable
 * @param {{ plain: Callable, from: Callable, session: string, size: number }} cluster
 * @param {{ rounds: number, count: number }} plan
 */
const measureSize = async ({ plain, from, session, size }, { rounds, count }) => {
  const answered = { from: plain, target: 'alice', expected: 1 }
  const unanswered = { from: plain, target: 'unknown', expected: 0 }
  const send = (/** @type {object} */ target, /** @type {number} */ expected) => ({
    from,
    target,
    expected,
    base: expected > 0 ? 'NATS request' : 'NATS request, unknown user',
    ...(expected === 1 && { goal: 1.3 }),
  })
  const ways = [
    { name: 'NATS request', ...answered },
    { name: 'send to a session', ...send({ session }, 1) },
    { name: 'send to a user on one node', ...send({ user: 'alice' }, 1) },
    ...(size > 2 ? [{ name: 'send to a user on two nodes', ...send({ user: 'bob' }, 2) }] : []),
    { name: 'NATS request, unknown user', ...unanswered },
    { name: 'send to an unknown user', ...send({ user: 'unknown' }, 0) },
  ]
  const title = (/** @type {string} */ name, /** @type {string} */ pace) => `${size} nodes: ${name}, ${pace}`
  const all = Object.entries(INTERVALS_MS).flatMap(([pace, interval]) =>
    ways.map((way) => ({ ...way, interval, name: title(way.name, pace) })),
  )
  const take = (
    /** @type {{ from: Callable, target: unknown, expected: number, interval: number }} */ way,
    length = count,
  ) => {
    const { target, expected, interval } = way
    return way.from.call('send', { target, expected, interval, count: interval > 0 ? length / 4 : length })
  }
  for (const way of all) await take(way, count / 4)
  const comparisons = Object.keys(INTERVALS_MS).flatMap((pace) =>
    ways.map((way) => [
      title(way.name, pace),
      'base' in way ? { base: title(way.base, pace), ...('goal' in way && { goal: way.goal }) } : undefined,
    ]),
  )
  return compare(all, rounds, async (way) => timesOf(await take(way)), Object.fromEntries(comparisons))
}
