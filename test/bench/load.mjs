import { Client } from './client.mjs'
import { answer } from './ipc.mjs'
import { REPORT_EVERY } from './message.mjs'
import { MARK, targets } from './targets.mjs'

/** Connections that open at a time. */
const OPENING = 64

/** @type {Client[]} */
const clients = []
let bytesPerMessage = 0
let bytesPerReport = 0
let received = 0
let reportAt = Number.POSITIVE_INFINITY

/** @param {Error} error */
const fail = (error) => {
  console.error(error)
  process.exit(1)
}

/** @param {number} count */
const onBytes = (count) => {
  received += count
  if (received < reportAt) return
  const reports = Math.floor(received / bytesPerReport)
  reportAt = (reports + 1) * bytesPerReport
  tell(reports * REPORT_EVERY)
}

/** Opens connections until they are receivers. @param {{ target: string, port: number, connections: number }} input */
const open = async ({ target, port, connections }) => {
  const { path, opening } = /** @type {import('./targets.mjs').Target} */ (targets[target])
  let next = 0
  const openSome = async () => {
    while (next < connections) {
      const steps = opening(next++, connections)
      const client = new Client({ port, path, steps }, onBytes, fail)
      clients.push(client)
      await client.opened
    }
  }
  await Promise.all(Array.from({ length: OPENING }, openSome))
}

/** Waits for the probe everywhere, and learns from it how large a message is. */
const learn = async () => {
  const [probe, ...others] = await Promise.all(clients.map(({ probe }) => probe))
  if (!probe?.text.includes(MARK) || others.some(({ text }) => text !== probe.text)) {
    throw new Error(`not what was published, or not the same everywhere: ${probe?.text}`)
  }
  bytesPerMessage = probe.size
  reportAt = bytesPerReport = bytesPerMessage * clients.length * REPORT_EVERY
  return bytesPerMessage
}

/** Fails unless every connection has received so many messages since the probe. @param {number} messages */
const check = (messages) => {
  const wrong = clients.filter(({ bytes }) => bytes !== messages * bytesPerMessage)
  if (wrong.length > 0)
    throw new Error(`${wrong.length} connections did not get exactly ${messages} messages`)
}

const tell = answer({ open, learn, check })
