import { LOAD_CORE, SERVER_CORE, Worker } from './ipc.mjs'
import { targets } from './targets.mjs'

/**
 * Publishing time for each connection, in ms, after which every connection has had about 16 writes. After a silence,
 * Linux acknowledges the first 16 segments of a connection one by one. Over loopback, the sender spends the CPU time
 * for that.
 */
const WARM_UP_MS_PER_CONNECTION = 0.16

/** A server under test and its load, each in a separate process. */
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
    this.#load.onMessage = (messages) => this.#server.tell('received', messages)
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

  /** Publishes until every connection has had about 16 writes. @param {number} burst */
  async warmUp(burst) {
    await this.#publish(burst, this.connections * WARM_UP_MS_PER_CONNECTION)
  }

  /**
   * Measures for `millis` milliseconds after a warm-up.
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

  /**
   * Publishes for `millis` milliseconds, and waits until every message has arrived.
   *
   * @param {number} burst
   * @param {number} millis
   */
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
