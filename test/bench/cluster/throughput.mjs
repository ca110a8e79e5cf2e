import { BOTH_CORES, LOAD_CORE, SERVER_CORE, Worker } from '../ipc.mjs'
import { subscribe } from '../targets.mjs'
import { closing } from './closing.mjs'
import { NatsServer } from './nats-server.mjs'
import { compare } from './rounds.mjs'
import { startNode, startSocketio } from './start.mjs'

/**
 * One way for messages: the publisher, the receiver, and the counter of received messages.
 *
 * @typedef {import('./start.mjs').Callable} Callable
 * @typedef {{ name: string, from: Callable, to: Callable, counter: Callable, lane: string, counted: string }} Way
 */

/** Measures one way, with messages published as fast as they arrive. */
export class Flow {
  #way
  #messages = 0

  /** @param {Way} way */
  constructor(way) {
    this.#way = way
    this.name = way.name
  }

  /** Checks that the received messages are the published ones. */
  async open() {
    const { from, counter, lane, counted } = this.#way
    await from.call('probe', lane)
    const text = await counter.call('learn', counted)
    if (lane !== 'parse' && !text.includes('"seq":100000000')) throw new Error(`${this.name}: ${text}`)
  }

  /** @param {number} count */
  received(count) {
    const { from, lane } = this.#way
    from.tell('received', { lane, count })
  }

  /** @param {number} millis */
  async run(millis) {
    const { from, to, counter, lane, counted } = this.#way
    const before = await to.call('cpu')
    const run = await from.call('flood', { lane, millis })
    const after = await to.call('cpu')
    this.#messages += run.messages
    await counter.call('check', { lane: counted, count: this.#messages })
    return {
      'messages/s': (run.messages / run.millis) * 1000,
      'µs/msg publisher': run.micros / run.messages,
      'µs/msg receiver': (after - before) / run.messages,
    }
  }
}

const socketioPath = `/socket.io/?EIO=4&transport=websocket&room=${encodeURIComponent('bench/web')}`
const socketioSteps = [{ after: '0{', send: '40' }, { after: '40{' }]

/**
 * Measures the throughput between two nodes. Each node has a core; NATS and the clients may run on both.
 *
 * @param {{ rounds: number, millis: number }} plan
 */
export const measureThroughput = ({ rounds, millis }) =>
  closing(async (own) => {
    const nats = own(await new NatsServer(BOTH_CORES).start())
    const [plainA, plainB] = [
      await startNode(own, 'nats', SERVER_CORE, nats.url),
      await startNode(own, 'nats', LOAD_CORE, nats.url),
    ]
    const [a, b] = [
      await startNode(own, 'rookery', SERVER_CORE, nats.url),
      await startNode(own, 'rookery', LOAD_CORE, nats.url),
    ]
    const [first, second] = await startSocketio(own, BOTH_CORES, [SERVER_CORE, LOAD_CORE])
    // The last resource is stopped first. The clients treat the loss of a server as an error, so they stop before it.
    const clients = own(new Worker('cluster/clients.mjs', BOTH_CORES))

    const inside = (/** @type {string} */ name, from, to, /** @type {string} */ lane) => ({
      name,
      from: from.worker,
      to: to.worker,
      counter: to.worker,
      lane,
      counted: lane,
    })
    const outside = (/** @type {string} */ name, from, to) => ({
      ...inside(name, from, to, 'web'),
      counter: clients,
      counted: name,
    })
    /** @type {Way[]} */
    const ways = [
      inside('Raw NATS', plainA, plainB, 'one'),
      inside('Raw NATS, same bytes each time', plainA, plainB, 'ready'),
      inside('Raw NATS, JSON.parse', plainA, plainB, 'parse'),
      inside('Rookery', a, b, 'one'),
      inside('Raw NATS, 1,000 topics', plainA, plainB, 'many'),
      inside('Rookery, 1,000 topics', a, b, 'many'),
      outside('Raw NATS, then ws', plainA, plainB),
      outside('Rookery, WebSocket client', a, b),
      outside('Socket.IO cluster adapter', first, second),
    ]
    for (const lane of ['one', 'ready', 'parse', 'many']) await plainB.worker.call('count', lane)
    for (const lane of ['one', 'many']) await b.worker.call('count', lane)
    const peers = [
      { name: 'Raw NATS, then ws', port: plainB.port, path: '/bench/web', steps: [] },
      {
        name: 'Rookery, WebSocket client',
        port: b.port,
        path: '/api/v1/ws',
        steps: subscribe(['bench/web']),
      },
      { name: 'Socket.IO cluster adapter', port: second.port, path: socketioPath, steps: socketioSteps },
    ]
    for (const peer of peers) await clients.call('count', peer)

    const flows = ways.map((way) => new Flow(way))
    for (const { counter } of ways) {
      counter.onMessage = (/** @type {{ lane: string, count: number }} */ { lane, count }) => {
        const index = ways.findIndex((way) => way.counter === counter && way.counted === lane)
        flows[index]?.received(count)
      }
    }
    for (const flow of flows) await flow.open()
    for (const flow of flows) await flow.run(millis / 2)
    return compare(flows, rounds, (flow) => flow.run(millis), {
      Rookery: { base: 'Raw NATS', goal: 0.5, least: true },
      'Raw NATS, same bytes each time': { base: 'Raw NATS' },
      'Raw NATS, JSON.parse': { base: 'Raw NATS' },
      'Rookery, 1,000 topics': { base: 'Raw NATS, 1,000 topics', goal: 0.5, least: true },
      'Rookery, WebSocket client': { base: 'Raw NATS, then ws' },
      'Socket.IO cluster adapter': { base: 'Raw NATS, then ws' },
    })
  })
