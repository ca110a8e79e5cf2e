import { LOAD_CORE, SERVER_CORE, Worker } from '../ipc.mjs'
import { groupBy, median, spread } from '../stats.mjs'

/** Goal: the minimum ratio of calls per second to those of bare `ws`. */
const GOAL = 0.95

/** In the order in which they take turns. @type {Readonly<Record<string, { title: string, server: string }>>} */
const servers = {
  ws: { title: 'bare ws', server: 'servers/calls-ws.mjs' },
  rookery: { title: 'Rookery', server: 'servers/calls-rookery.mjs' },
}

/**
 * @typedef {object} Plan
 * @property {number} rounds
 * @property {number} millis length of each server's part of a round
 *
 * @typedef {{ name: string, round: number, calls: number, asked: number, p50: number, p99: number, cpu: number }} Sample
 */

/** Measures load within the limits. Both servers run all the time and take turns. @param {Plan} plan */
export const measureCalls = async ({ rounds, millis }) => {
  /** @type {Sample[]} */
  const samples = []
  const pairs = Object.entries(servers).map(([name, { server }]) => ({
    name,
    server: new Worker(server, SERVER_CORE),
    clients: new Worker('calls/clients.mjs', LOAD_CORE),
  }))
  try {
    for (const { server, clients } of pairs) {
      await clients.call('start', await server.call('port'))
      await clients.call('run', 1000)
    }
    for (let round = 0; round < rounds; round++) {
      for (const { name, server, clients } of pairs) {
        await server.call('cpu')
        const began = performance.now()
        const seen = await clients.call('run', millis)
        const cpu = (await server.call('cpu')) / (performance.now() - began)
        samples.push({ name, round, ...seen, cpu })
      }
    }
  } finally {
    await Promise.all(pairs.flatMap(({ server, clients }) => [clients.stop(), server.stop()]))
  }
  return samples
}

const HEAD = ['server', 'calls/s', 'asked', 'ratio', 'goal', 'p50 tiny', 'p99 tiny', 'CPU']

/** @param {readonly Sample[]} samples */
export const callsTable = (samples) => {
  const base = new Map(samples.filter(({ name }) => name === 'ws').map(({ round, calls }) => [round, calls]))
  const rows = [...groupBy(samples, ({ name }) => name)].map(([name, own]) => {
    const middle = (/** @type {(sample: Sample) => number} */ of) => median(own.map(of))
    const ratio = spread(own.map(({ round, calls }) => calls / (base.get(round) ?? Number.NaN)))
    const compared = name !== 'ws'
    return [
      servers[name]?.title ?? name,
      Math.round(middle(({ calls }) => calls)).toLocaleString('en'),
      Math.round(middle(({ asked }) => asked)).toLocaleString('en'),
      compared ? `${ratio.median.toFixed(3)} (${ratio.low.toFixed(3)}-${ratio.high.toFixed(3)})` : '',
      compared ? `${GOAL} ${ratio.median >= GOAL ? 'met' : 'missed'}` : '',
      middle(({ p50 }) => p50).toFixed(2),
      middle(({ p99 }) => p99).toFixed(2),
      `${Math.round(middle(({ cpu }) => cpu) * 100)} %`,
    ]
  })
  return [HEAD, HEAD.map(() => '---'), ...rows].map((line) => `| ${line.join(' | ')} |`).join('\n')
}
