import { LOAD_CORE, SERVER_CORE, Worker } from './ipc.mjs'
import { targets } from './targets.mjs'

/**
 * Publishing time for each connection, in ms, after which every connection has had some 16 writes. When a
 * connection has been silent, Linux acknowledges the first 16 segments one by one, and over loopback that
 * happens at the expense of the sender.
 */
const AWAKE_MILLIS = 0.16

/** A server under test and the load on it, a process each. */
export class Pair {
  #server
  #load
  #messages = 0

  /** @param {string} target @param {number} connections */
  constructor(target, connections) {
    this.target = target
    this.connections = connections
    this.#server = new Worker(`servers/${targets[target]?.server}`, SERVER_CORE)
    this.#load = new Worker('load.mjs', LOAD_CORE)
    this.#load.onTell = (messages) => this.#server.tell('received', messages)
  }

  /** Opens all connections. Resolves with the bytes of resident memory that the server needs for each. */
  async open() {
    const { target, connections } = this
    const port = await this.#server.call('port')
    const before = await this.#server.call('memory')
    await this.#load.call('open', { target, port, connections })
    const after = await this.#server.call('memory')
    await this.#server.call('probe')
    await this.#load.call('learn')
    return (after - before) / connections
  }

  /** Publishes until every connection is awake. @param {number} burst */
  async warmUp(burst) {
    await this.#publish(burst, this.connections * AWAKE_MILLIS)
  }

  /**
   * Measures for a while, once the connections are awake.
   *
   * @param {{ burst: number, millis: number }} input
   * @returns CPU time of the server for each delivery, in microseconds, and deliveries a second
   */
  async run({ burst, millis }) {
    await this.warmUp(burst)
    const run = await this.#publish(burst, millis)
    const deliveries = run.messages * this.connections
    return { micros: run.micros / deliveries, rate: (deliveries / run.millis) * 1000 }
  }

  /** Publishes for a while and waits until everything has arrived. @param {number} burst @param {number} millis */
  async #publish(burst, millis) {
    const run = await this.#server.call('run', { burst, millis })
    this.#messages += run.messages
    await this.#load.call('check', this.#messages)
    return run
  }

  async stop() {
    await this.#load.stop()
    await this.#server.stop()
  }
}
