import { BURST, FLOW } from '../../cluster/lanes.mjs'
import { answer } from '../../ipc.mjs'
import { payloadOf } from '../../message.mjs'
import { startApp } from '../start.mjs'

/** Every message is published to this topic. */
const TOPIC = 'bench/tick'

/** @type {import('rookery').App} */
let app
let published = 0
let received = 0
let onReceived = () => {}
/** Begins the next turn. @type {Promise<void> | undefined} */
let turn
let publishedInTurn = 0

/** @param {import('../start.mjs').AppOptions} options */
const start = async (options) => {
  const started = await startApp(options)
  app = started.app
  return started.port
}

/** Resolves when the subscribers have received so many messages. @param {number} count */
const untilReceived = async (count) => {
  while (received < count) {
    await new Promise((resolve) => {
      onReceived = () => resolve(undefined)
    })
  }
}

/** Resolves in another turn of the event loop, once few enough messages are under way. */
const nextTurn = async () => {
  await new Promise(setImmediate)
  await untilReceived(published + BURST - FLOW.window)
  publishedInTurn = 0
  turn = undefined
}

/** Publishes one message after the other until the end. @param {number} end */
const publishUntil = async (end) => {
  while (performance.now() < end || published % FLOW.every !== 0) {
    published++
    publishedInTurn++
    await app.publish(TOPIC, payloadOf(published))
    if (publishedInTurn >= BURST) await (turn ??= nextTurn())
  }
}

/**
 * Publishes for a while, and measures until everything has been received.
 *
 * @param {{ inFlight: number, millis: number }} input `inFlight`: number of publishers that await each of their messages
 */
const flood = async ({ inFlight, millis }) => {
  const first = published
  const cpu = process.cpuUsage()
  const begun = performance.now()
  await Promise.all(Array.from({ length: inFlight }, () => publishUntil(begun + millis)))
  await untilReceived(published)
  const { user, system } = process.cpuUsage(cpu)
  return { messages: published - first, micros: user + system, millis: performance.now() - begun }
}

answer({
  start,
  flood,
  /** Publishes a message that is not counted. */
  probe: () => app.publish(TOPIC, payloadOf(0)),
  /** Sets the number of messages that all subscribers have received since the probe. @param {number} count */
  received: (count) => {
    received = count
    onReceived()
  },
})
