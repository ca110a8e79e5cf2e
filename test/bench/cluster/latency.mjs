import { LOAD_CORE, SERVER_CORE, Worker } from '../ipc.mjs'
import { subscribe } from '../targets.mjs'
import { closing } from './closing.mjs'
import { NatsServer } from './nats-server.mjs'
import { compare, timesOf } from './rounds.mjs'
import { startNode, startSocketio } from './start.mjs'

/** Milliseconds between two messages. */
const INTERVAL_MS = 5
/** Messages before the measurement, so that the code is compiled as in a server that has run for some time. */
const WARM_UP = { count: 5000, burst: 50 }

const rookeryPeer = (/** @type {string} */ lane) => ({
  path: '/api/v1/ws',
  steps: subscribe([`bench/${lane}`]),
})
const natsPeer = { path: '/bench/remote', steps: [] }
const socketioPeer = {
  path: `/socket.io/?EIO=4&transport=websocket&room=${encodeURIComponent('bench/remote')}`,
  steps: [{ after: '0{', send: '40' }, { after: '40{' }],
}

/**
 * Measures the time from a publish on one node to a WebSocket client of another, one message at a time. At each hop a
 * message crosses to the other core: publisher and second node are on one core, NATS and the client on the other.
 *
 * @param {{ rounds: number, count: number }} plan
 */
export const measureLatency = ({ rounds, count }) =>
  closing(async (own) => {
    const nats = own(await new NatsServer(LOAD_CORE).start())
    const client = own(new Worker('cluster/clients.mjs', LOAD_CORE))
    const node = (/** @type {string} */ kind) => startNode(own, kind, SERVER_CORE, nats.url)
    const [plainA, plainB] = [await node('nats'), await node('nats')]
    const [a, b] = [await node('rookery'), await node('rookery')]
    const [first, second] = await startSocketio(own, LOAD_CORE, [SERVER_CORE, SERVER_CORE])
    const ways = [
      { name: 'Raw NATS, then ws', from: plainA, at: plainB, peer: natsPeer, lane: 'remote' },
      { name: 'Rookery, other node', from: a, at: b, peer: rookeryPeer('remote'), lane: 'remote' },
      { name: 'Rookery, same node', from: a, at: a, peer: rookeryPeer('local'), lane: 'local' },
      { name: 'Socket.IO cluster adapter', from: first, at: second, peer: socketioPeer, lane: 'remote' },
    ]
    const take = async (/** @type {typeof ways[number]} */ { name, from, lane }, pace = { count }) => {
      const times = client.call('take', { name, count: pace.count })
      await from.worker.call('paced', { lane, interval: INTERVAL_MS, ...pace })
      return times
    }
    for (const { name, at, peer } of ways) await client.call('time', { name, port: at.port, ...peer })
    for (const way of ways) await take(way, WARM_UP)
    return compare(ways, rounds, async (way) => timesOf(await take(way)), {
      'Rookery, other node': { base: 'Raw NATS, then ws', goal: 1.3 },
      'Rookery, same node': { base: 'Raw NATS, then ws' },
      'Socket.IO cluster adapter': { base: 'Raw NATS, then ws' },
    })
  })
