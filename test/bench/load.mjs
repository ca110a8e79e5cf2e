import { Client } from './client.mjs'
import { answer } from './ipc.mjs'
import { REPORT_EVERY } from './message.mjs'
import { StreamClient } from './stream-client.mjs'
import { MARK, targets } from './targets.mjs'

/** Connections that are opened at the same time. */
const MAX_OPENING = 64

/** @type {(Client | StreamClient)[]} */
const clients = []
/** Units of a message: its bytes over WebSocket, one event over a stream. */
let perMessage = 0
let perReport = 0
let received = 0
let reportAt = Number.POSITIVE_INFINITY

/** @param {Error} error */
const fail = (error) => {
  console.error(error)
  process.exit(1)
}

/** @param {number} count */
const onReceived = (count) => {
  received += count
  if (received < reportAt) return
  const reports = Math.floor(received / perReport)
  reportAt = (reports + 1) * perReport
  tell(reports * REPORT_EVERY)
}

/**
 * Opens connections, and waits until they are subscribed.
 *
 * @param {{ target: string, port: number, connections: number }} input
 */
const open = async ({ target, port, connections }) => {
  const { path, opening, ready } = /** @type {import('./targets.mjs').Target} */ (targets[target])
  let next = 0
  const openSome = async () => {
    while (next < connections) {
      const client =
        ready === undefined
          ? new Client({ port, path, steps: opening(next, connections) }, onReceived, fail)
          : new StreamClient({ port, path, ready }, onReceived, fail)
      next++
      clients.push(client)
      await client.opened
    }
  }
  await Promise.all(Array.from({ length: MAX_OPENING }, openSome))
}

/** Waits for the probe on every connection. Returns the units of a message. */
const learn = async () => {
  const [probe, ...others] = await Promise.all(clients.map(({ probe }) => probe))
  if (!probe?.text.includes(MARK) || others.some(({ text }) => text !== probe.text)) {
    throw new Error(`A connection received another message than the published one: ${probe?.text}`)
  }
  perMessage = probe.size
  reportAt = perReport = perMessage * clients.length * REPORT_EVERY
  return perMessage
}

/** Throws unless every connection has received exactly `messages` messages since the probe. @param {number} messages */
const check = (messages) => {
  const wrong = clients.filter(({ received }) => received !== messages * perMessage)
  if (wrong.length > 0)
    throw new Error(`${wrong.length} connections did not get exactly ${messages} messages`)
}

const tell = answer({ open, learn, check })
