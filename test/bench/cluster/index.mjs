import { measureParts } from '../parts.mjs'
import { measureLatency } from './latency.mjs'
import { hasNats } from './nats-server.mjs'
import { measureSend } from './send.mjs'
import { measureThroughput } from './throughput.mjs'
import { measureTopics } from './topics.mjs'

/**
 * Parts of the benchmark across nodes, by name.
 *
 * @type {Readonly<Record<string, import('../parts.mjs').Part>>}
 */
export const parts = {
  'cluster-latency': {
    title: 'From publish to a client of another node',
    measure: (quick) => measureLatency(quick ? { rounds: 2, count: 200 } : { rounds: 5, count: 2000 }),
  },
  'cluster-throughput': {
    title: 'Between two nodes, as fast as possible',
    measure: (quick) => measureThroughput(quick ? { rounds: 3, millis: 300 } : { rounds: 7, millis: 1000 }),
  },
  'cluster-topics': {
    title: 'Idle topics',
    measure: (quick) =>
      measureTopics(
        quick ? { rounds: 1, slices: 1, topics: 20_000 } : { rounds: 3, slices: 3, topics: 100_000 },
      ),
  },
  'cluster-send': {
    title: '`app.send` to a session or user on another node',
    measure: (quick) => measureSend(quick ? { rounds: 2, count: 300 } : { rounds: 5, count: 1000 }),
  },
}

/**
 * Measures across nodes. Without a nats-server, measures nothing.
 *
 * @param {readonly string[]} names of parts @param {boolean} quick
 */
export const measureCluster = async (names, quick) => {
  if (names.length > 0 && !hasNats()) {
    console.error('There is no nats-server on the PATH: nothing is measured across nodes')
    return []
  }
  return measureParts(parts, names, quick)
}
