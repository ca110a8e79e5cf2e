import { LOAD_CORE, SERVER_CORE } from '../ipc.mjs'
import { closing } from './closing.mjs'
import { NatsServer } from './nats-server.mjs'
import { compare, timesOf } from './rounds.mjs'
import { startNode } from './start.mjs'

/** Milliseconds between two sends. At 10 ms, no send overlaps with another. */
const INTERVALS_MS = { 'back to back': 0, '10 ms apart': 10 }

/**
 * Measures `app.send` to a user on another of three nodes, one at a time, beside a request of the NATS client.
 *
 * @param {{ rounds: number, count: number }} plan
 */
export const measureSend = ({ rounds, count }) =>
  closing(async (own) => {
    const nats = own(await new NatsServer(LOAD_CORE).start())
    const node = (/** @type {string} */ kind) => startNode(own, kind, SERVER_CORE, nats.url)
    const [plainA, plainB] = [await node('nats'), await node('nats')]
    const [a, b, c] = [await node('rookery'), await node('rookery'), await node('rookery')]
    await plainB.worker.call('connect', 'alice')
    const session = await b.worker.call('connect', 'alice')
    await b.worker.call('connect', 'bob')
    await c.worker.call('connect', 'bob')
    const plain = plainA.worker
    const answered = { from: plain, target: 'alice', expected: 1 }
    const unanswered = { from: plain, target: 'unknown', expected: 0 }
    const send = (/** @type {object} */ target, /** @type {number} */ expected) => ({
      from: a.worker,
      target,
      expected,
      base: expected > 0 ? 'NATS request' : 'NATS request, unknown user',
    })
    const ways = [
      { name: 'NATS request', ...answered },
      { name: 'send to a session', ...send({ session }, 1) },
      { name: 'send to a user on one node', ...send({ user: 'alice' }, 1) },
      { name: 'send to a user on two nodes', ...send({ user: 'bob' }, 2) },
      { name: 'NATS request, unknown user', ...unanswered },
      { name: 'send to an unknown user', ...send({ user: 'unknown' }, 0) },
    ]
    const all = Object.entries(INTERVALS_MS).flatMap(([pace, interval]) =>
      ways.map((way) => ({ ...way, interval, name: `${way.name}, ${pace}` })),
    )
    const take = ({ from, target, expected, interval }, length = count) =>
      from.call('send', { target, expected, interval, count: interval > 0 ? length / 4 : length })
    for (const way of all) await take(way, count / 4)
    const bases = Object.keys(INTERVALS_MS).flatMap((pace) =>
      ways.map(({ name, base }) => [`${name}, ${pace}`, base && { base: `${base}, ${pace}` }]),
    )
    return compare(all, rounds, async (way) => timesOf(await take(way)), Object.fromEntries(bases))
  })
