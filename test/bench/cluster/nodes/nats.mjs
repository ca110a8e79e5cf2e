import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'
import { WebSocketServer } from 'ws'
import { answer, tell } from '../../ipc.mjs'
import { clock, idleTopic, topicsOf } from '../lanes.mjs'
import { measured, publishing, receiving } from '../roles.mjs'

const received = receiving(tell)
const encoder = new TextEncoder()
/** @type {import('@nats-io/transport-node').NatsConnection} */
let nats
let sockets = new WebSocketServer({ noServer: true })
/** @type {Uint8Array | undefined} */
let ready

const subjectOf = (/** @type {string} */ topic) => topic.replaceAll('/', '.')

/** Connects to NATS, and opens a WebSocket server whose clients get the messages of the topic in their path. */
const start = async (/** @type {string} */ servers) => {
  nats = await connect({ servers, reconnectTimeWait: 250, maxReconnectAttempts: -1 })
  sockets = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  sockets.on('connection', (socket, { url = '' }) => {
    const subscription = nats.subscribe(subjectOf(url.slice(1)), {
      callback: (_error, message) => socket.send(message.data, { binary: false }),
    })
    socket.on('close', () => subscription.unsubscribe())
  })
  await once(sockets, 'listening')
  return /** @type {import('node:net').AddressInfo} */ (sockets.address()).port
}

const publish = (/** @type {string} */ topic, /** @type {object} */ payload, /** @type {string} */ lane) => {
  // The lane `ready` publishes the same bytes each time, to measure the NATS client without JSON.stringify.
  if (lane === 'ready') nats.publish(subjectOf(topic), (ready ??= encoder.encode(JSON.stringify(payload))))
  else nats.publish(subjectOf(topic), JSON.stringify(payload))
}

/** The view of a message for a counter: parsed in the lane `parse`, in other lanes decoded only when it is printed. */
const seen = (/** @type {string} */ lane, /** @type {import('@nats-io/transport-node').Msg} */ message) =>
  lane === 'parse' ? { parsed: message.json(), text: '' } : new LazyMessage(message)

class LazyMessage {
  #message

  constructor(/** @type {import('@nats-io/transport-node').Msg} */ message) {
    this.#message = message
  }

  get text() {
    return this.#message.string()
  }
}

/** Sends one request after the other. Resolves with the microseconds of each. */
const send = async (
  /** @type {{ target: string, count: number, expected: number, interval: number }} */ input,
) => {
  const { target, count, expected, interval } = input
  const times = []
  for (let n = 0; n < count; n++) {
    const from = clock()
    const reached = await nats.request(target, JSON.stringify({ n })).then(
      (reply) => reply.json(),
      () => 0,
    )
    times.push(clock() - from)
    if (reached !== expected) throw new Error(`reached ${reached}, not ${expected}`)
    if (interval > 0) await sleep(interval)
  }
  return times
}

answer({
  ...measured,
  ...received.functions,
  ...publishing(publish),
  start,
  send,
  async count(/** @type {string} */ lane) {
    const counter = received.counter(lane)
    for (const topic of topicsOf(lane)) {
      nats.subscribe(subjectOf(topic), { callback: (_error, message) => counter.hit(seen(lane, message)) })
    }
    await nats.flush()
  },
  async time(/** @type {string} */ lane) {
    const watch = received.watch(lane)
    const [topic = ''] = topicsOf(lane)
    nats.subscribe(subjectOf(topic), { callback: (_error, message) => watch.hit(message.string()) })
    await nats.flush()
  },
  async connect(/** @type {string} */ user) {
    nats.subscribe(user, { callback: (_error, message) => void message.respond('1') })
    await nats.flush()
  },
  async idle(/** @type {number} */ topics) {
    const from = clock()
    for (let n = 0; n < topics; n++) {
      const topic = idleTopic(n)
      nats.subscribe(subjectOf(topic), { callback: () => received.topicWatcher.hit(topic) })
    }
    await nats.flush()
    return (clock() - from) / 1000
  },
})
