import { setTimeout as sleep } from 'node:timers/promises'
import { memory, Publisher } from '../publisher.mjs'
import { ageOf, BURST, clock, FLOW, timedPayload, topicsOf } from './lanes.mjs'

/** Microseconds of CPU that this process has used. */
const cpu = () => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Resident memory and heap in bytes, after a garbage collection. */
const footprint = async () => {
  const rss = await memory()
  return { rss, heap: process.memoryUsage().heapUsed }
}

/** Functions of every process of the cluster benchmark. */
export const measured = { cpu, footprint }

/**
 * The functions of a process that publishes.
 *
 * @param {(topic: string, payload: object, lane: string) => void} publish
 */
export const publishing = (publish) => {
  /** @type {Map<string, Publisher>} */
  const publishers = new Map()
  /** @param {string} lane */
  const publisherOf = (lane) => {
    let publisher = publishers.get(lane)
    if (!publisher) {
      const topics = topicsOf(lane)
      publisher = new Publisher(
        (payload) => publish(topics[payload.seq % topics.length] ?? lane, payload, lane),
        FLOW,
      )
      publishers.set(lane, publisher)
    }
    return publisher
  }
  let repeating = setTimeout(() => {}, 0)
  return {
    /** Publishes a message that is not counted. @param {string} lane */
    probe: (lane) => publisherOf(lane).probe(),
    /** @param {{ lane: string, count: number }} input */
    received: ({ lane, count }) => publisherOf(lane).received(count),
    /** Publishes as fast as messages arrive. @param {{ lane: string, millis: number }} input */
    flood: ({ lane, millis }) => publisherOf(lane).run({ burst: BURST, millis }),
    /**
     * Publishes a few messages per interval; one for a latency measurement.
     *
     * @param {{ lane: string, count: number, interval: number, burst?: number }} input
     */
    async paced({ lane, count, interval, burst = 1 }) {
      const [topic = ''] = topicsOf(lane)
      for (let n = 0; n < count; n++) {
        publish(topic, timedPayload(), lane)
        if (n % burst === 0) await sleep(interval)
      }
    },
    /** Publishes to topics every 2 ms until `stopPublishing`. @param {readonly string[]} topics */
    publishRepeatedly(topics) {
      repeating = setInterval(() => {
        for (const topic of topics) publish(topic, {}, 'idle')
      }, 2)
    },
    stopPublishing: () => clearInterval(repeating),
  }
}

/** Counts the messages of a lane after the first, which is printed as a sample. */
class Counter {
  #count = -1
  #next = FLOW.every
  #onProbe = (/** @type {string} */ _text) => {}
  #report
  /** @type {Promise<string>} */
  probe = new Promise((resolve) => {
    this.#onProbe = resolve
  })

  /** @param {(count: number) => void} report */
  constructor(report) {
    this.#report = report
  }

  /** @param {{ text: string }} message */
  hit(message) {
    if (++this.#count === 0) this.#onProbe(message.text)
    if (this.#count < this.#next) return
    this.#next += FLOW.every
    this.#report(this.#count)
  }

  get count() {
    return this.#count
  }
}

/** Records the latencies of messages. */
class LatencyRecorder {
  #ages = /** @type {number[]} */ ([])
  #wanted = Number.POSITIVE_INFINITY
  #done = (/** @type {number[]} */ _ages) => {}

  /** @param {string} text @param {number} [now] */
  hit(text, now = clock()) {
    this.#ages.push(ageOf(now, text))
    if (this.#ages.length < this.#wanted) return
    this.#done(this.#ages)
    this.#ages = []
  }

  /** Resolves with `count` latencies, in microseconds. @param {number} count @returns {Promise<number[]>} */
  take(count) {
    this.#wanted = count
    return new Promise((resolve) => {
      this.#done = resolve
    })
  }
}

/** Records when the first and when the last of some topics got a message. */
class TopicWatcher {
  /** @type {Set<string>} */
  #missing = new Set()
  #first = 0
  #done = (/** @type {{ first: number, all: number }} */ _times) => {}

  /** @param {string} topic */
  hit(topic) {
    if (this.#missing.delete(topic) === false) return
    this.#first ||= clock()
    if (this.#missing.size === 0) this.#done({ first: this.#first, all: clock() })
  }

  /** @param {readonly string[]} topics @returns {Promise<{ first: number, all: number }>} */
  untilAll(topics) {
    this.#missing = new Set(topics)
    this.#first = 0
    return new Promise((resolve) => {
      this.#done = resolve
    })
  }
}

/**
 * The functions of a process that receives.
 *
 * @param {(message: unknown) => void} tell
 */
export const receiving = (tell) => {
  /** @type {Map<string, Counter>} */
  const counters = new Map()
  /** @type {Map<string, LatencyRecorder>} */
  const watches = new Map()
  const topicWatcher = new TopicWatcher()
  return {
    topicWatcher,
    /** @param {string} lane */
    counter(lane) {
      const counter = new Counter((count) => tell({ lane, count }))
      counters.set(lane, counter)
      return counter
    },
    /** @param {string} name */
    watch(name) {
      const watch = new LatencyRecorder()
      watches.set(name, watch)
      return watch
    },
    functions: {
      /** @param {string} lane */
      learn: (lane) => counters.get(lane)?.probe,
      /** @param {{ lane: string, count: number }} input */
      check({ lane, count }) {
        const counted = counters.get(lane)?.count
        if (counted !== count) throw new Error(`${lane}: ${counted} messages instead of ${count}`)
      },
      /** @param {{ name: string, count: number }} input */
      take: ({ name, count }) => watches.get(name)?.take(count),
      /** @param {readonly string[]} topics */
      untilTopics: (topics) => topicWatcher.untilAll(topics),
    },
  }
}
