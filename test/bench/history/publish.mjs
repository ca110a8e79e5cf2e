import { closing } from '../cluster/closing.mjs'
import { hasNats, NatsServer } from '../cluster/nats-server.mjs'
import { compare } from '../cluster/rounds.mjs'
import { LOAD_CORE, SERVER_CORE, Worker } from '../ipc.mjs'
import { subscribe } from '../targets.mjs'

/** Number of subscribers of each server. */
const SUBSCRIBERS = 10

/** Numbers of publishers that await each of their messages, by name. */
const PACES = { 'one at a time': 1, '100 in flight': 100 }

/**
 * The servers under test. `base` is the server with which one is compared, and `goal` the minimum ratio.
 *
 * @typedef {{ name: string, keeps?: string[], base?: string, goal?: number }} Variant
 * @type {readonly Variant[]}
 */
const ALONE = [
  { name: 'Without history' },
  { name: 'Topic not kept', keeps: ['rooms/*'], base: 'Without history', goal: 0.95 },
  { name: 'Kept in memory', keeps: ['bench/*'], base: 'Without history' },
]

/** With NATS. @type {readonly Variant[]} */
const CLUSTERED = [
  { name: 'NATS, without history' },
  { name: 'NATS, topic not kept', keeps: ['rooms/*'], base: 'NATS, without history', goal: 0.95 },
  { name: 'NATS, kept in JetStream', keeps: ['bench/*'], base: 'NATS, without history' },
]

/** A server and its subscribers. */
class Flow {
  #server
  #subscribers
  #name
  /** Received messages of each subscriber, by name. @type {Map<string, number>} */
  #received = new Map()
  #messages = 0

  /** @param {string} name @param {Worker} server @param {Worker} subscribers */
  constructor(name, server, subscribers) {
    this.#name = name
    this.#server = server
    this.#subscribers = subscribers
  }

  /** Opens the subscribers, and gives each a message that is not counted. @param {number} port */
  async open(port) {
    this.#subscribers.onMessage = ({ lane, count }) => {
      this.#received.set(lane, count)
      this.#server.tell('received', Math.min(...this.#received.values()))
    }
    for (let n = 0; n < SUBSCRIBERS; n++) this.#received.set(`${this.#name}, subscriber ${n}`, 0)
    const peer = { port, path: '/api/v1/ws', steps: subscribe(['bench/*']) }
    for (const name of this.#received.keys()) await this.#subscribers.call('count', { name, ...peer })
    await this.#server.call('probe')
    for (const name of this.#received.keys()) await this.#subscribers.call('learn', name)
  }

  /**
   * Publishes for a while. Fails unless every subscriber has received exactly what was published.
   *
   * @param {number} inFlight @param {number} millis
   */
  async run(inFlight, millis) {
    const run = await this.#server.call('flood', { inFlight, millis })
    this.#messages += run.messages
    for (const lane of this.#received.keys())
      await this.#subscribers.call('check', { lane, count: this.#messages })
    return { 'messages/s': (run.messages / run.millis) * 1000, 'µs/message': run.micros / run.messages }
  }
}

/**
 * Measures how many messages a server publishes to a few subscribers, with history and without.
 *
 * @param {{ rounds: number, millis: number }} plan
 */
export const measurePublish = ({ rounds, millis }) =>
  closing(async (own) => {
    const isClustered = hasNats()
    if (!isClustered)
      console.error('There is no nats-server on the PATH: only histories in memory are measured')
    const variants = isClustered ? [...ALONE, ...CLUSTERED] : ALONE
    const ways = []
    for (const { name, keeps } of variants) {
      // Each app has a NATS of its own: otherwise they would form a cluster.
      const nats = name.startsWith('NATS')
        ? own(await new NatsServer(LOAD_CORE, { jetstream: true }).start())
        : undefined
      const server = own(new Worker('history/servers/publishing.mjs', SERVER_CORE))
      // The last resource is stopped first. The clients treat the loss of a server as an error, so they stop before it.
      const flow = new Flow(name, server, own(new Worker('cluster/clients.mjs', LOAD_CORE)))
      await flow.open(await server.call('start', { keeps, servers: nats?.url }))
      for (const [pace, inFlight] of Object.entries(PACES))
        ways.push({ name: `${name}, ${pace}`, flow, inFlight })
    }
    for (const { flow, inFlight } of ways) await flow.run(inFlight, millis)
    const comparisons = variants.flatMap(({ name, base, goal }) =>
      Object.keys(PACES).map((pace) => [
        `${name}, ${pace}`,
        base && { base: `${base}, ${pace}`, ...(goal !== undefined && { goal, least: true }) },
      ]),
    )
    return compare(
      ways,
      rounds,
      ({ flow, inFlight }) => flow.run(inFlight, millis),
      Object.fromEntries(comparisons),
    )
  })
