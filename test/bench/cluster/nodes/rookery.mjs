import { setTimeout as sleep } from 'node:timers/promises'
import { createApp } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { nats } from 'rookery/nats'
import { websocket } from 'rookery/websocket'
import { answer, tell } from '../../ipc.mjs'
import { Counting, counting } from '../counting.mjs'
import { clock, idleTopic, topicsOf } from '../lanes.mjs'
import { measured, publishing, receiving } from '../roles.mjs'

/** Number of patterns of a session. */
const PATTERNS = 1000

const received = receiving(tell)
/** @type {import('rookery').App} */
let app

const start = async (/** @type {string} */ servers) => {
  app = createApp({
    plugins: [http({ port: 0, hostname: '127.0.0.1' }), websocket(), nats({ servers }), counting()],
    logger: 'error',
    pingInterval: '1h',
    limits: { maxSubscriptions: PATTERNS },
  })
  await app.start()
  return Number(new URL(app.scope.get(HttpServer).url).port)
}

/** Resolves when NATS has processed everything that this node has sent. */
const flushed = () => app.cluster.ask({ to: '$user/unknown', method: 'send', timeout: 60_000 })

/** Sends to a target, one message after the other. Resolves with the microseconds of each. */
const send = async (
  /** @type {{ target: any, count: number, expected: number, interval: number }} */ input,
) => {
  const { target, count, expected, interval } = input
  const times = []
  for (let n = 0; n < count; n++) {
    const from = clock()
    const sent = app.send(target, 'bench/note', { n })
    const reached = await sent.then(({ sessions }) => sessions).catch((error) => error.code)
    times.push(clock() - from)
    if (reached !== (expected || 'not_connected')) throw new Error(`reached ${reached}, not ${expected}`)
    if (interval > 0) await sleep(interval)
  }
  return times
}

answer({
  ...measured,
  ...received.functions,
  ...publishing((topic, payload) => void app.publish(topic, payload)),
  start,
  send,
  async count(/** @type {string} */ lane) {
    const counter = received.counter(lane)
    await app.scope.get(Counting).connect({ topics: topicsOf(lane) }, (frame) => counter.hit(frame))
    await flushed()
  },
  async time(/** @type {string} */ lane) {
    const watch = received.watch(lane)
    await app.scope.get(Counting).connect({ topics: topicsOf(lane) }, ({ text }) => watch.hit(text))
    await flushed()
  },
  connect: (/** @type {string} */ user) => app.scope.get(Counting).connect({ user }, () => {}),
  /** Subscribes to `topics` idle topics. Resolves with the milliseconds that it took. */
  async idle(/** @type {number} */ topics) {
    const from = clock()
    for (let n = 0; n < topics; n += PATTERNS) {
      const own = Array.from({ length: PATTERNS }, (_, index) => idleTopic(n + index))
      await app.scope
        .get(Counting)
        .connect({ topics: own }, ({ message }) => received.topicWatcher.hit(message.topic))
    }
    await flushed()
    return (clock() - from) / 1000
  },
})
