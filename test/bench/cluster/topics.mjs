import { setTimeout as sleep } from 'node:timers/promises'
import { BOTH_CORES, LOAD_CORE, SERVER_CORE } from '../ipc.mjs'
import { median, quantile } from '../stats.mjs'
import { closing } from './closing.mjs'
import { clock, idleTopic } from './lanes.mjs'
import { NatsServer } from './nats-server.mjs'
import { compare } from './rounds.mjs'
import { startNode } from './start.mjs'
import { Flow } from './throughput.mjs'

/** Milliseconds between the end and the restart of NATS. */
const AWAY_MS = 1000
/** Number of idle topics whose messages are awaited after the restart of NATS. */
const SAMPLED_TOPICS = 20
/** Messages whose latency is measured in a slice, and milliseconds between two messages. */
const MEASURED = { count: 200, interval: 5 }
const WARM_UP = { count: 5000, interval: 5, burst: 50 }
const FLOOD_MS = 500

/** Starts two nodes with a separate NATS server. @param {import('./start.mjs').Own} own @param {string} kind */
const startPair = async (own, kind) => {
  const nats = own(await new NatsServer(BOTH_CORES).start())
  const { worker: a } = await startNode(own, kind, SERVER_CORE, nats.url)
  const { worker: b } = await startNode(own, kind, LOAD_CORE, nats.url)
  return { nats, a, b }
}

/** @typedef {Awaited<ReturnType<typeof startPair>>} Pair */

/** @param {Pair} pair @param {number} topics @returns {Promise<Record<string, number>>} */
const hold = async ({ nats, b }, topics) => {
  const before = { ...(await b.call('footprint')), nats: nats.rss }
  const millis = await b.call('idle', topics)
  const after = { ...(await b.call('footprint')), nats: nats.rss }
  const perTopic = (/** @type {'rss' | 'heap' | 'nats'} */ what) =>
    (after[what] - before[what]) / topics / 1024
  return {
    'subscribe ms': millis,
    'node KiB/topic': perTopic('rss'),
    'of it heap': perTopic('heap'),
    'NATS KiB/topic': perTopic('nats'),
  }
}

/** Kills NATS, starts it again and waits for messages. @param {Pair} pair @param {number} topics */
const restart = async ({ nats, a, b }, topics) => {
  const sample = Array.from({ length: SAMPLED_TOPICS - 1 }, () =>
    idleTopic(Math.floor(Math.random() * topics)),
  )
  const arrived = b.call('untilTopics', [...new Set([...sample, idleTopic(topics - 1)])])
  await nats.kill()
  await sleep(AWAY_MS)
  await nats.start()
  const from = clock()
  await a.call('publishRepeatedly', sample.concat(idleTopic(topics - 1)))
  const { first, all } = await arrived
  await a.call('stopPublishing')
  return { 'first again ms': (first - from) / 1000, 'all again ms': (all - from) / 1000 }
}

/** Starts to use one topic. @param {Pair} pair */
const openTopic = async ({ a, b }) => {
  await b.call('time', 'timed')
  await b.call('count', 'one')
  const flow = new Flow({ name: 'one', from: a, to: b, counter: b, lane: 'one', counted: 'one' })
  b.onMessage = ({ count }) => flow.received(count)
  await flow.open()
  const take = async (pace = MEASURED) => {
    const times = b.call('take', { name: 'timed', count: pace.count })
    await a.call('paced', { lane: 'timed', ...pace })
    return quantile(await times, 0.5)
  }
  await take(WARM_UP)
  const run = async () => (await flow.run(FLOOD_MS))['messages/s']
  return { take, run }
}

/**
 * Compares the use of one topic without idle ones and with them, in turns.
 *
 * @param {Pair[]} pairs
 * @param {number} slices
 */
const use = async (pairs, slices) => {
  const [alone, among] = await Promise.all(pairs.map(openTopic))
  const taken = []
  for (let slice = -1; slice < slices; slice++) {
    const figures = {
      'p50 µs alone': await alone.take(),
      'p50 µs among': await among.take(),
      'msg/s alone': await alone.run(),
      'msg/s among': await among.run(),
    }
    // The first slice is a warm-up.
    if (slice >= 0) taken.push(figures)
  }
  const middle = (/** @type {(figures: typeof taken[number]) => number} */ of) => median(taken.map(of))
  return {
    'p50 µs alone': middle((one) => one['p50 µs alone']),
    'p50 µs among': middle((one) => one['p50 µs among']),
    'p50 ratio': middle((one) => one['p50 µs among'] / one['p50 µs alone']),
    'msg/s alone': middle((one) => one['msg/s alone']),
    'msg/s among': middle((one) => one['msg/s among']),
    'msg/s ratio': middle((one) => one['msg/s among'] / one['msg/s alone']),
  }
}

/**
 * Measures the cost for a node and for NATS of many topics without messages.
 *
 * @param {{ rounds: number, slices: number, topics: number }} plan
 */
export const measureTopics = async ({ rounds, slices, topics }) => {
  const ways = [
    { name: 'Raw NATS', kind: 'nats' },
    { name: 'Rookery', kind: 'rookery' },
  ]
  const measureKind = (/** @type {{ kind: string }} */ { kind }) =>
    closing(async (own) => {
      const pairs = [await startPair(own, kind), await startPair(own, kind)]
      const [, full] = pairs
      const held = await hold(full, topics)
      const used = await use(pairs, slices)
      return { ...held, ...(await restart(full, topics)), ...used }
    })
  return compare(ways, rounds, measureKind, {})
}
