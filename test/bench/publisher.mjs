import { setTimeout as sleep } from 'node:timers/promises'
import { answer } from './ipc.mjs'
import { payloadOf, REPORT_EVERY, WINDOW } from './message.mjs'

/** Publishes a burst per turn of the event loop, with at most `window` messages under way. */
export class Publisher {
  #publish
  #window
  #every
  #published = 0
  #received = 0
  #advance = () => {}

  /**
   * @param {(payload: { seq: number }) => void} publish
   * @param {{ window: number, every: number }} pace most messages under way, and messages between two reports of the load
   */
  constructor(publish, { window, every } = { window: WINDOW, every: REPORT_EVERY }) {
    this.#publish = publish
    this.#window = window
    this.#every = every
  }

  /** Publishes a message that is not counted, as a sample of the others. */
  probe() {
    this.#publish(payloadOf(0))
  }

  /** Sets the number of messages that have reached every connection since the probe. @param {number} count */
  received(count) {
    this.#received = count
    this.#advance()
  }

  /**
   * Measures from the first publish until every message has arrived.
   *
   * @param {{ burst: number, millis: number }} input messages per turn, and how long to publish
   */
  async run({ burst, millis }) {
    const first = this.#published
    const cpu = process.cpuUsage()
    const start = performance.now()
    await this.#publishUntil(start + millis, burst)
    const { user, system } = process.cpuUsage(cpu)
    return { messages: this.#published - first, micros: user + system, millis: performance.now() - start }
  }

  /** @param {number} end @param {number} burst @returns {Promise<void>} */
  #publishUntil(end, burst) {
    return new Promise((resolve) => {
      let due = false
      const turn = () => {
        due = false
        if (performance.now() >= end && this.#published % this.#every === 0) {
          if (this.#received === this.#published) resolve()
          return
        }
        if (this.#published + burst - this.#received > this.#window) return
        for (let n = 0; n < burst; n++) this.#publish(payloadOf(++this.#published))
        this.#advance()
      }
      this.#advance = () => {
        if (due) return
        due = true
        setImmediate(turn)
      }
      this.#advance()
    })
  }
}

/** Resident memory in bytes, after a garbage collection. */
export const memory = async () => {
  for (let n = 0; n < 3; n++) {
    globalThis.gc?.()
    await sleep(50)
  }
  return process.memoryUsage.rss()
}

/**
 * Makes this process a server under test.
 *
 * @param {{ port: number, publish: (payload: object) => void }} server
 */
export const serve = ({ port, publish }) => {
  const publisher = new Publisher(publish)
  answer({
    port: () => port,
    memory,
    probe: () => publisher.probe(),
    received: (count) => publisher.received(count),
    run: (input) => publisher.run(input),
  })
}
